"""One new file in the architectures folder is a new architecture in every command, without an edit elsewhere."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aecli.models import architectures
from aecli.models.architectures import architecture_names, resolve_arguments
from tests.command_line import Run

NAME = "averages"

SOURCE = f'''
"""Fully connected, of block averages."""

from math import prod

from torch import nn


def {NAME}(image_shape: tuple[int, int, int], *, side: int = 4, code: int = 6) -> tuple[nn.Module, nn.Module]:
    channels = image_shape[0]
    encoder = nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten(), nn.Linear(channels * side**2, code))
    decoder = nn.Sequential(nn.Linear(code, prod(image_shape)), nn.Unflatten(1, image_shape))
    return encoder, decoder
'''

HELP = """
import sys
from aecli.models import architectures
architectures.__path__.append(sys.argv[1])
from aecli.cli.main import main
main(["train", "--help"])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one more architecture, which belongs to the package during the test."""
    folder = tmp_path / "architectures"
    folder.mkdir()
    (folder / f"{NAME}.py").write_text(SOURCE)
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{architectures.__name__}.{NAME}", raising=False)
    return folder


@pytest.mark.usefixtures("folder")
def test_a_new_file_is_in_the_registry() -> None:
    assert NAME in architecture_names()
    assert architecture_names() == sorted(architecture_names())
    assert resolve_arguments(NAME, {"code": 3}) == {"side": 4, "code": 3}


@pytest.mark.usefixtures("folder")
def test_a_new_architecture_trains_encodes_decodes_and_is_described(aecli: Run, tmp_path: Path) -> None:
    run, codes, images = tmp_path / "run", tmp_path / "codes.npz", tmp_path / "images.npz"
    settings = ("--set", f"model.architecture={NAME}", "--set", "model.arguments.code=5")
    result = aecli("train", "digits", "-o", run, *settings, "--epochs", 1, "--device", "cpu")
    assert result.status == 0, result.err
    assert aecli("encode", "digits:test", "--model", run, "-o", codes).status == 0
    assert aecli("decode", codes, "--model", run, "-o", images).status == 0
    with np.load(images) as archive:
        assert archive["images"].shape == (359, 1, 8, 8)
    described = aecli("info", run)
    assert described.status == 0
    assert NAME in described.out


def test_the_help_of_train_names_a_new_architecture(python: Callable[..., str], folder: Path) -> None:
    assert NAME in python(HELP, folder)
