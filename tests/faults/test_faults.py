"""A few faults of each kind for every writer; `python -m tests.faults` injects more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
@pytest.mark.parametrize(
    ("words", "least"),
    [
        (("--only", "codes"), 4),
        pytest.param(("--resumes", "1", "--interruptions", "0"), 50, marks=pytest.mark.long),
    ],
)
def test_files_stay_complete_and_runs_resume_to_the_same_bytes(words: tuple[str, ...], least: int) -> None:
    command = [sys.executable, "-m", "tests.faults", "--times", "1", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|")[1:4] for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= least
    assert all(int(count.replace(",", "")) and not int(findings) for _, count, findings in rows)
