"""The examples' Makefiles, with the aecli and the Python that run the tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def make_example() -> Callable[..., str]:
    """Run an example's Makefile with more words for `make`; gives what it prints."""
    if not shutil.which("make"):
        pytest.skip("needs make")
    own = (f"AECLI={sys.executable} -m aecli", f"PYTHON={sys.executable}")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}

    def make(example: str, *words: str | Path) -> str:
        command = ["make", "--no-print-directory", "--directory", str(EXAMPLES / example), *own, *map(str, words)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return make
