"""What all tests share: the command line as a function, and runs trained once on real digits."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Tiny images gain nothing from threads, which wait for one another as long as other processes have the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = ("examples/test_lab", "examples/", "faults/", "test_processes")
"""Parts of paths of test files that take long: several workers end together if they begin with these."""

DIGITS = ("train", "digits", "--accelerator", "cpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    names = [*LONGEST_FIRST, ""]
    items.sort(key=lambda item: next(rank for rank, name in enumerate(names) if name in item.path.as_posix()))


@dataclass(frozen=True)
class Result:
    """What a call of the command line came to."""

    status: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def rows(self) -> list[list[str]]:
        """The cells of each line of a table."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def documents(self) -> list[Any]:
        """Each line as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own folders and settings out of the tests."""
    root = tmp_path_factory.mktemp("user")
    own = {"HOME": root, "AECLI_CACHE": root / "cache", "AECLI_DATA": root / "data", "MPLCONFIGDIR": root / "mpl"}
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in own.items():
            patch.setenv(name, str(folder))
        for name in ("NO_COLOR", "FORCE_COLOR", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "100")
        yield


def run_here(*words: str | Path, stdin: bytes = b"") -> Result:
    """Run `aecli` in this process, which has imported torch already."""
    from aecli.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    status = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)  # a signal changes it
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Result(status, out.buffer.getvalue(), err.buffer.getvalue().decode())


def run_apart(*words: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Result:
    """Run `aecli` in a process of its own, as a shell does."""
    command = [sys.executable, "-m", "aecli", *map(str, words)]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def succeed(*words: str | Path) -> Result:
    """Run `aecli` here and expect it to succeed."""
    result = run_here(*words)
    assert result.status == 0, result.err
    return result


@pytest.fixture(scope="session")
def aecli() -> Callable[..., Result]:
    """The command line, run in this process."""
    return run_here


@pytest.fixture(scope="session")
def aecli_apart() -> Callable[..., Result]:
    """The command line, run in a process of its own."""
    return run_apart


@pytest.fixture(scope="session")
def python() -> Callable[..., str]:
    """Run lines of Python in a fresh interpreter; gives what they print."""

    def run(code: str, *arguments: str | Path, **environment: str) -> str:
        command: Sequence[str] = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def train(aecli: Callable[..., Result]) -> Callable[..., Path]:
    """Train on digits with further words; gives the run folder."""

    def run(folder: Path, *words: str | Path) -> Path:
        succeed(*DIGITS, "-o", folder, *words)
        return folder

    return run


@pytest.fixture(scope="session")
def conv_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolutional model of 8x8 digits, 20 epochs; not to be written to."""
    folder = tmp_path_factory.mktemp("conv") / "run"
    succeed(*DIGITS, "-o", folder, "--epochs", "20", "--batch-size", "128")
    return folder


@pytest.fixture(scope="session")
def mlp_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fully connected model of 8x8 digits, 3 epochs; not to be written to."""
    folder = tmp_path_factory.mktemp("mlp") / "run"
    succeed(*DIGITS, "-o", folder, "--recipe", "mlp", "--epochs", "3", "--batch-size", "128")
    return folder


@pytest.fixture(scope="session")
def codes_file(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The codes of the test digits by `conv_run`; not to be written to."""
    path = tmp_path_factory.mktemp("codes") / "codes.npz"
    succeed("encode", "digits:test", "--model", conv_run, "-o", path)
    return path


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """The test digits, (359, 1, 8, 8) uint8."""
    from aecli.data import load

    return load("digits:test").images


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder `a/`, `b/` with three 8x8 digits each, as PNG."""
    from PIL import Image

    from aecli.data import load

    images = load("digits:test").images
    for index in range(6):
        file = tmp_path / "pictures" / "ab"[index // 3] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[index, 0]).save(file)
    return tmp_path / "pictures"
