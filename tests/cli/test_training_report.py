"""The end of `train`: the time taken, the files to look at and the next command."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.cli.training_report import next_command
from aecli.data import resolve
from tests.command_line import Run, succeed

QUICK = ("--recipe", "mlp", "--device", "cpu", "--epochs", 3, "--batch-size", 16, "--lr", 0.002)
ADAM = ("--set", "optimizer.name=adam", "--set", "optimizer.momentum=0.9")


@pytest.mark.parametrize(
    ("data", "task", "expected"),
    [
        ("digits", "autoencoder", ["encode", "digits:test", "-o", "codes.npz"]),
        ("digits:all", "autoencoder", ["encode", "digits", "-o", "codes.npz"]),
        ("digits", "classifier", ["classify", "digits:test"]),
        ("{folder}", "autoencoder", ["detect", "IMAGE"]),
        ("{folder}:train", "autoencoder", ["detect", "{folder}:test"]),
        ("{folder}", "classifier", ["classify", "IMAGE"]),
    ],
)
@pytest.mark.parametrize("run", ["run", "my run's", "-run"])
def test_the_next_command_can_be_typed(data: str, task: str, expected: list[str], run: str, tmp_path: Path) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "a.png")
    words = shlex.split(next_command(resolve(data.format(folder=folder)), Path(run), task))
    model = words.index("--model")
    assert words.pop(model + 1) == ("./-run" if run == "-run" else run)
    assert words.pop(model) == "--model"
    assert words == ["aecli", *(word.format(folder=folder) for word in expected)]


@pytest.mark.slow
def test_the_end_names_time_files_and_a_command_that_works(aecli: Run, tmp_path: Path) -> None:
    run = tmp_path / "my run"
    result = succeed("train", "digits", "-o", run, *QUICK, *ADAM)
    assert "trained in" in result.out
    assert "mean image 0.5407" in result.out
    assert f"{run}/reconstructions.png and {run}/loss.png" in result.err
    (command,) = [line.removeprefix("next: aecli ") for line in result.err.splitlines() if line.startswith("next:")]
    words = [str(tmp_path / word) if word == "codes.npz" else word for word in shlex.split(command)]
    assert succeed(*words).out
    assert (tmp_path / "codes.npz").exists()


@pytest.mark.slow
def test_a_worthless_model_is_not_recommended(tmp_path: Path) -> None:
    words = ("train", "digits", "-o", tmp_path / "run", *QUICK, "--overwrite")
    result = succeed(*words, "--lr", 1e-9)
    assert "mean image" in result.err
    assert "next:" not in result.err
    document = succeed(*words, "--lr", 1e-9, "--json", "-q").document
    assert any("mean image" in text for text in document["warnings"])
    assert document["training"]["references"]["mean_image"] > 0
    quiet = succeed(*words, "-q")
    assert quiet.out == f"{tmp_path / 'run'}\n"
