"""Fifty damaged files of each kind are read; `python -m tests.fuzz` reads more."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


def test_damaged_files_cause_errors_of_one_line_at_most(tmp_path: Path) -> None:
    options = ["--mutations", "50", "--seed", "7", "--keep", str(tmp_path / "findings")]
    command = [sys.executable, "-m", "tests.fuzz", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert len(done.stdout.splitlines()) > 20
