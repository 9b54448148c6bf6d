"""Fixtures of the tests of single commands."""

from pathlib import Path

import pytest

from tests.command_line import Result, Run, succeed


@pytest.fixture
def detect(aecli: Run, conv_run: Path) -> Run:
    """Return a function that runs `aecli detect` with the convolutional model."""

    def run(*words: object, stdin: bytes = b"") -> Result:
        return aecli("detect", *words, "--model", conv_run, stdin=stdin)

    return run


@pytest.fixture
def digit(image_folder: Path) -> Path:
    """Return the path of one image of 8x8 pixels."""
    return image_folder / "a" / "0.png"


@pytest.fixture(scope="session")
def onnx_file(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the convolutional model as an ONNX file; tests must not change it."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    succeed("export", conv_run, "-o", path)
    return path
