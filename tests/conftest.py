"""Fixtures of all tests: the command line as a function, and models trained once per session on real digits."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.command_line import Run, run_apart, run_here, succeed
from tests.tiny_backbone import FEATURES, write_weights

# Threads do not speed up tiny images, and they wait for each other while other processes use the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = (
    *("examples/test_lab", "examples/", "faults/", "test_processes", "test_degenerate_data", "test_recipes_train"),
    *("onnx/test_export", "test_lightning_import", "fuzz/", "test_resume", "test_runs", "test_standard_streams"),
    *("test_determinism", "test_concurrency", "test_compare", "test_environment", "test_file_names"),
)
"""Parts of the paths of slow test files: parallel workers finish at the same time if these run first."""

DIGITS = ("train", "digits", "--device", "cpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow test files first."""
    names = [*LONGEST_FIRST, ""]
    items.sort(key=lambda item: next(rank for rank, name in enumerate(names) if name in item.path.as_posix()))


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the folders and settings of the user who runs them."""
    root = tmp_path_factory.mktemp("user")
    folders = {"HOME": root, "AECLI_CACHE": root / "cache", "AECLI_DATA": root / "data", "MPLCONFIGDIR": root / "mpl"}
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in folders.items():
            patch.setenv(name, str(folder))
        for name in ("NO_COLOR", "FORCE_COLOR", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "100")
        yield


@pytest.fixture(scope="session")
def aecli() -> Run:
    """Return the function that runs the command line in this process."""
    return run_here


@pytest.fixture(scope="session")
def aecli_apart() -> Run:
    """Return the function that runs the command line in a new process."""
    return run_apart


@pytest.fixture(scope="session")
def python() -> Callable[..., str]:
    """Return a function that runs Python code in a fresh interpreter and returns its standard output."""

    def run(code: str, *arguments: str | Path, **environment: str) -> str:
        command: Sequence[str] = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def train() -> Callable[..., Path]:
    """Return a function that trains on digits into a folder, with further words of the command line."""

    def run(folder: Path, *words: str | Path) -> Path:
        named = () if "--resume" in words else ("--recipe", "conv")  # a run resumes with its own recipe
        succeed(*DIGITS, *named, "-o", folder, *words)
        return folder

    return run


@pytest.fixture(scope="session")
def conv_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a convolutional model of 8x8 digits, 20 epochs; tests must not change it."""
    folder = tmp_path_factory.mktemp("conv") / "run"
    succeed(*DIGITS, "--recipe", "conv", "-o", folder, "--epochs", "20", "--batch-size", "128")
    return folder


@pytest.fixture
def run_to_report(conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a run, whose report compresses a few images only, which is what takes time."""
    monkeypatch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 2)
    return shutil.copytree(conv_run, tmp_path / "run")


@pytest.fixture(scope="session")
def mlp_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a fully connected model of 8x8 digits, 3 epochs; tests must not change it."""
    folder = tmp_path_factory.mktemp("mlp") / "run"
    succeed(*DIGITS, "-o", folder, "--recipe", "mlp", "--epochs", "3", "--batch-size", "128")
    return folder


@pytest.fixture(scope="session")
def backbone_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a `.safetensors` file of random weights for `tests.tiny_backbone`; tests must not change it."""
    return write_weights(tmp_path_factory.mktemp("backbone") / "weights.safetensors")


@pytest.fixture(scope="session")
def features_run(backbone_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the exported run folder of features of 250 digits of 32x32 pixels; tests must not change it."""
    folder = tmp_path_factory.mktemp("features") / "run"
    words = ("--limit-per-class", 25, "--init-from", backbone_weights)
    succeed("train", "digits", "-o", folder, *FEATURES, *words, export=True)
    return folder


@pytest.fixture(scope="session")
def codes_file(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the codes of the test digits by `conv_run`; tests must not change the file."""
    path = tmp_path_factory.mktemp("codes") / "codes.npz"
    succeed("encode", "digits:test", "--model", conv_run, "-o", path)
    return path


@pytest.fixture(scope="session")
def digits() -> NDArray[np.uint8]:
    """Return the test digits, (359, 1, 8, 8) uint8."""
    from aecli.data import load

    return load("digits:test").images


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Return a folder with the classes `a/` and `b/` of three 8x8 digits each, as PNG files."""
    from PIL import Image

    from aecli.data import load

    folder = tmp_path / "images"
    images = load("digits:test").images
    for index in range(6):
        file = folder / "ab"[index // 3] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[index, 0]).save(file)
    return folder
