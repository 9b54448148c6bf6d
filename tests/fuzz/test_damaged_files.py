"""A few hundred damaged files of every kind: `python -m tests.fuzz` tries more."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_damaged_file_makes_more_than_an_error(tmp_path: Path) -> None:
    words = ["-m", "tests.fuzz", "--mutations", "200", "--seed", "7", "--keep", str(tmp_path / "found")]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert len(done.stdout.splitlines()) > 20
