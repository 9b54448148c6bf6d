"""Run the Makefiles of the examples with the aecli and the Python of the tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from aecli.data import load

EXAMPLES = Path(__file__).parents[2] / "examples"
WARM = Path(__file__).with_name("warm.py")
MakeExample = Callable[..., str]
"""Runs the Makefile of an example with further arguments of `make`; returns its standard output."""


@pytest.fixture(scope="session")
def warm() -> Iterator[str]:
    """Start a server that forks commands; yield the command line that sends it one."""
    if not hasattr(os, "fork") or not shutil.which("make"):
        pytest.skip("needs fork and make")
    with tempfile.TemporaryDirectory(prefix="aecli", dir="/tmp") as folder:  # a path of a socket has 103 bytes at most
        path = Path(folder, "socket")
        words = [sys.executable, str(WARM), "serve", str(path)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield f"{sys.executable} -S -E {WARM} run {path}"
            server.communicate()


@pytest.fixture(scope="session")
def few_letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an array file of few letters, because the examples score all anomalous images with all scores."""
    path = tmp_path_factory.mktemp("letters") / "letters.npz"
    train, test = (load(f"letters:{split}@A,B,C").images for split in ("train", "test"))
    np.savez(path, x_train=train[:100], x_test=test)
    return path


@pytest.fixture(scope="session")
def make_example(warm: str) -> MakeExample:
    """Return a function that runs the Makefile of an example."""
    programs = (f"AECLI={warm} aecli", f"PYTHON={warm} python")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}

    def make(example: str, *words: str | Path) -> str:
        command = ["make", "--no-print-directory", "--directory", str(EXAMPLES / example), *programs, *map(str, words)]
        process = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert process.returncode == 0, process.stderr
        return process.stdout

    return make
