"""What all tests share: the command line as a function, and runs trained once on real digits."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.command_line import Run, run_apart, run_here, succeed

# Tiny images gain nothing from threads, which wait for one another as long as other processes have the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = ("examples/test_lab", "examples/", "faults/", "test_processes")
"""Parts of paths of test files that take long: several workers end together if they begin with these."""

DIGITS = ("train", "digits", "--accelerator", "cpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    names = [*LONGEST_FIRST, ""]
    items.sort(key=lambda item: next(rank for rank, name in enumerate(names) if name in item.path.as_posix()))


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


@pytest.fixture(scope="session")
def aecli() -> Run:
    """The command line, run in this process."""
    return run_here


@pytest.fixture(scope="session")
def aecli_apart() -> Run:
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
def train(aecli: Run) -> Callable[..., Path]:
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
def digits() -> NDArray[np.uint8]:
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
