"""Mistakes that new users make: each error says what a word is, and what to type instead."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from aecli.cli.usage_hints import plain_message
from aecli.errors import ExitStatus, unknown
from tests.command_line import Run, registered_commands


def has_model(command: Any) -> bool:
    """Return whether a command takes a model, or runs that it measures."""
    return command.name == "train" or any(
        each.metavar in {"MODEL", "RUN", "RUN..."} for each in command.params if each.name != "codec"
    )


USAGE, INPUT = ExitStatus.USAGE, ExitStatus.INPUT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, conv_run: Path, mlp_run: Path, codes_file: Path) -> Path:
    """Return a folder of files of every kind."""
    root = tmp_path_factory.mktemp("files")
    (root / "run").symlink_to(conv_run)
    (root / "other").symlink_to(mlp_run)
    (root / "codes.npz").write_bytes(codes_file.read_bytes())
    (root / "cut.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes()[:300])
    (root / "half.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes()[:-1000])
    (root / "text.safetensors").write_text("this is not a model")
    (root / "weights.pth").write_bytes(b"PK\x03\x04 and more")
    save_file({"weight": np.zeros(3, np.float32)}, root / "foreign.safetensors")
    np.savez(root / "images.npz", images=np.zeros((4, 8, 8), np.uint8))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "image.png")
    (root / "photos").mkdir()
    (root / "photos" / "image.png").write_bytes((root / "image.png").read_bytes())
    return root


CASES = [
    # command line, exit status, and what error and hint contain
    ("detect run image.png", USAGE, "--model", "run is a model: aecli detect image.png --model run"),
    ("detect run/", USAGE, "--model", "run/ is a model: aecli detect IMAGE... --model run/"),
    ("detect --threshold 3 run", USAGE, "--model", "aecli detect IMAGE... --threshold 3 --model run"),
    ("encode digits run -o {out}.npz", USAGE, "--model", "aecli encode digits -o"),
    ("calibrate run --normal digits", USAGE, "--model", "aecli calibrate --normal digits --model run"),
    ("detect image.png", USAGE, "--model", "aecli detect [IMAGE...] -m MODEL"),
    ("encode digits --model run", USAGE, "--output", "aecli encode DATA -m MODEL -o OUT"),
    ("train digits {out}", USAGE, "--output", "aecli train DATA -o DIR"),
    ("knn-probe codes.npz", USAGE, "TEST.npz", "aecli knn-probe TRAIN.npz TEST.npz"),
    ("encode image.png photos/image.png --model run -o {out}.npz", USAGE, "photos/image.png", "aecli encode DATA"),
    ("train digits -o {out} --set optimizer.lr 0.1", USAGE, "0.1", "--set optimizer.lr=0.1"),
    ("train digits -o {out} --epochs 1.5", USAGE, "'--epochs': not a whole number", "--help"),
    ("detect image.png --model run --threshold high", USAGE, "'--threshold': not a number", "--help"),
    ("detect run/ --model run", INPUT, "the image", "name images"),
    ("encode run --model run -o {out}.npz", INPUT, "run folder, not images: run", "--model run"),
    ("train run -o {out}", INPUT, "run folder", "name images"),
    ("train digits -o {out} --val run", INPUT, "run folder", "name images"),
    ("calibrate --model run --normal run", INPUT, "run folder", "name images"),
    ("train digits -o {out} --recipe run", INPUT, "'run'", "run/recipe.toml"),
    (
        "decode digits:test --model run -o {out}.png",
        INPUT,
        "images, not codes: digits:test",
        "aecli encode digits:test",
    ),
    ("decode image.png --model run -o {out}.png", INPUT, "images, not codes", "aecli encode image.png"),
    ("decode images.npz --model run -o {out}.png", INPUT, "not codes", "aecli encode images.npz"),
    ("decode photos --model run -o {out}", INPUT, ".aec", "aecli encode DATA --model CODEC"),
    ("tsne digits -o {out}.png", INPUT, "images, not codes", "aecli encode digits"),
    ("tsne photos -o {out}.png", INPUT, "images, not codes", "aecli encode photos"),
    ("tsne run -o {out}.png", INPUT, "run folder, not codes", "aecli encode DATA --model run"),
    ("tsne none.npz -o {out}.png", INPUT, "no such code file", "check the path"),
    ("duplicates photos", INPUT, "images, not codes", "aecli encode photos"),
    ("duplicates codes.npz run", INPUT, "run folder, not codes", "aecli encode DATA --model run"),
    ("search image.png --in photos --model run", INPUT, "images, not codes", "aecli encode photos"),
    ("knn-probe codes.npz digits:test", INPUT, "images, not codes", "aecli encode digits:test"),
    ("encode codes.npz --model run -o {out}.npz", INPUT, "codes, not images", "aecli decode codes.npz"),
    ("train codes.npz -o {out}", INPUT, "codes, not images", "aecli decode codes.npz"),
    ("export codes.npz", INPUT, "not a checkpoint but a .npz", "run folder"),
    ("export image.png", INPUT, "not a checkpoint but an image", "run folder"),
    ("export run -o {out}.pt", USAGE, ".onnx", "out.onnx"),
    ("encode digits --model cut.safetensors -o {out}.npz", INPUT, "incomplete .safetensors file of 300 bytes", "again"),
    ("encode digits --model half.safetensors -o {out}.npz", INPUT, "incomplete .safetensors", "again"),
    ("encode digits --model text.safetensors -o {out}.npz", INPUT, "not a checkpoint", "run folder"),
    ("encode digits --model weights.pth -o {out}.npz", INPUT, "weights of torch", "run folder"),
    ("encode digits --model foreign.safetensors -o {out}.npz", INPUT, "not made by aecli", "aecli train"),
    ("compare run codes.npz", INPUT, "not a checkpoint but a .npz", "run folder"),
    ("compare run run", USAGE, "twice", "different run folders"),
    ("detect image.png --model run --detector image.png", INPUT, "not a detector but an image", "aecli calibrate"),
    ("detect image.png --model run --heatmaps {out}.png", USAGE, "--heatmaps", "--heatmaps heatmaps/"),
    ("detect image.png --model run --heatmaps image.png", USAGE, "--heatmaps", "--heatmaps heatmaps/"),
    ("detect image.png --model run --maps {out}.tiff", USAGE, "--maps", "--maps maps/"),
    ("detect image.png --model run --only anomaly", USAGE, "did you mean 'anomalies'", "anomalies"),
    ("calibrate --model run --normal digits --anomalous digits -o {out}.safetensors", INPUT, "the same", "--anomalous"),
]


@pytest.mark.parametrize(("words", "status", "problem", "hint"), CASES, ids=str)
def test_a_mistake_is_explained(
    words: str,
    status: ExitStatus,
    problem: str,
    hint: str,
    folder: Path,
    aecli: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    result = aecli(*words.format(out=tmp_path / "out").split())
    assert result.status == status, result.err
    *before, error, last = ["", *result.err.splitlines()]
    if hint != "anomalies":  # the known values are in the error
        assert last.startswith("hint: "), result.err
        assert hint in last
        assert problem in error
    else:
        assert problem in last
    assert not any(line.startswith("error:") for line in before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid value for '--lr': 'a: 'b'' is not a valid float.", "invalid value for '--lr': not a number"),
        (
            "Invalid value for '--lr': Input should be a valid number, unable to parse",
            "invalid value for '--lr': not a number",
        ),
        (
            "Invalid value for '--epochs': \"it's\" is not a valid integer.",
            "invalid value for '--epochs': not a whole number",
        ),
        (
            "Invalid value for '--epochs': Input should be a valid integer",
            "invalid value for '--epochs': not a whole number",
        ),
        ("Got unexpected extra argument (b)", "unexpected arguments: b"),
    ],
)
def test_messages_of_every_version_of_typer_are_plain(message: str, expected: str) -> None:
    assert plain_message(message) == expected


def test_a_run_folder_among_images_is_left_out(folder: Path, aecli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    result = aecli("detect", "image.png", "run", "--model", "run")
    assert result.status == ExitStatus.PARTIAL
    assert "left out: run: a run folder" in result.err


def test_the_plots_of_a_run_are_images_if_they_are_named(
    folder: Path, aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert aecli("detect", "run/loss.png", "--model", "run").status == ExitStatus.DONE


def test_a_name_that_begins_alike_is_suggested_first() -> None:
    assert "did you mean 'anomalies'" in unknown("value", "anomaly", ["normal", "anomalies"])
    assert "did you mean 'mse'" in unknown("score", "mes", ["mse", "residual"])
    assert "did you mean" not in unknown("score", "zzzz", ["mse", "residual"])


@pytest.mark.parametrize("command", [name for name, each in registered_commands().items() if has_model(each)])
def test_a_command_that_runs_a_model_has_a_device(command: str, aecli: Run) -> None:
    assert "--device" in aecli(command, "--help-all").out


def test_compare_refuses_a_device_that_is_not_available(
    folder: Path, aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = aecli("compare", "run", "other", "--device", "cuda:99")
    assert result.status == ExitStatus.UNAVAILABLE
    assert "cuda:99" in result.err
