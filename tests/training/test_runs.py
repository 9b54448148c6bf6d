"""Runs of `aecli train`: divergence, run folders, initial weights, loggers, accelerators and images."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pytorch_lightning.accelerators import AcceleratorRegistry

from aecli.checkpoint import load_checkpoint, read_header
from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import ExitStatus, InputError, UnavailableError
from aecli.runtime.processes import ACCELERATORS
from aecli.training.trainer import is_available
from tests.command_line import Result, Run

pytestmark = pytest.mark.slow

CPU = ("--device", "cpu")


def losses(run: Path, column: str = "train_loss") -> list[float]:
    with (run / "metrics.csv").open() as file:
        return [float(row[column]) for row in csv.DictReader(file)]


def error_of(result: Result) -> str:
    """Return the only error line; check that there is no traceback."""
    lines = result.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, result.err
    assert "Traceback" not in result.err
    return errors[0]


class TestDivergence:
    def test_in_the_first_epoch_leaves_no_folder(self, aecli: Run, tmp_path: Path) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--lr", 1e6, "--batch-size", 64, *CPU)
        assert result.status == ExitStatus.INPUT
        assert "diverged" in error_of(result)
        assert "--lr 1" in result.err
        assert not (tmp_path / "run").exists()

    def test_later_keeps_the_finished_epochs(
        self, fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from aecli.training.module import AutoencoderModule

        def diverge(module: AutoencoderModule, *arguments: Any) -> torch.Tensor:
            loss = compute_loss(module, *arguments)
            return loss * float("nan") if module.current_epoch == 3 else loss

        compute_loss = AutoencoderModule._loss
        monkeypatch.setattr(AutoencoderModule, "_loss", diverge)
        with pytest.raises(InputError, match="epoch 4"):
            fit(tmp_path / "run", {"training.epochs": 6})
        assert len(losses(tmp_path / "run")) == 3
        assert load_checkpoint(tmp_path / "run").header.training.epochs == 3
        with pytest.raises(InputError, match="diverged"):
            fit(tmp_path / "run", {"training.epochs": 6}, resume=True)
        monkeypatch.undo()
        fit(tmp_path / "run", {"training.epochs": 6}, resume=True)
        fit(tmp_path / "whole", {"training.epochs": 6})
        assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


class TestFolder:
    def test_train_refuses_to_replace_a_run(self, train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--epochs", 1, "--keep-state")
        before = {file.name: file.read_bytes() for file in run.iterdir()}
        result = aecli("train", "digits", "-o", run, "--epochs", 2, *CPU)
        assert result.status == ExitStatus.EXISTS
        assert "--resume" in result.err
        assert "--overwrite" in result.err
        assert {file.name: file.read_bytes() for file in run.iterdir()} == before
        train(run, "--epochs", 2, "--overwrite")
        assert len(losses(run)) == 2

    def test_a_run_without_a_saved_epoch_can_only_be_overwritten(self, aecli: Run, tmp_path: Path) -> None:
        run = tmp_path / "run"
        run.mkdir()
        (run / "recipe.toml").write_text("[training]\nepochs = 1\n")  # left by a kill in the first epoch
        for words in ([], ["--resume"]):
            result = aecli("train", "digits", "-o", run, *words, *CPU)
            assert "--overwrite" in result.err
            assert "--resume" not in result.err.split("hint: ")[1]
        result = aecli("train", "digits", "-o", run, "--epochs", 1, "--overwrite", *CPU)
        assert result.status == ExitStatus.DONE, result.err

    def test_an_unavailable_accelerator_leaves_the_earlier_run(
        self, train: Callable[..., Path], aecli: Run, tmp_path: Path
    ) -> None:
        run = train(tmp_path / "run", "--epochs", 1)
        before = {file.name: file.read_bytes() for file in run.iterdir()}
        result = aecli("train", "digits", "-o", run, "--overwrite", "--device", "hpu")
        assert result.status == ExitStatus.UNAVAILABLE
        error_of(result)
        assert {file.name: file.read_bytes() for file in run.iterdir()} == before

    def test_an_overwritten_run_equals_a_new_one(self, train: Callable[..., Path], tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--recipe", "mlp", "--epochs", 1)
        train(run, "--epochs", 2, "--overwrite")
        new = train(tmp_path / "new", "--epochs", 2)
        for name in ("model.safetensors", "metrics.csv", "recipe.toml"):
            assert (run / name).read_bytes() == (new / name).read_bytes()

    @pytest.mark.parametrize("words", [("--resume",), ("--resume", "--recipe", "mlp")])
    def test_resume_needs_a_run(self, aecli: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", *words)
        assert result.status == ExitStatus.INPUT
        assert "resume" in error_of(result)
        assert not (tmp_path / "run").exists()

    def test_resume_and_overwrite_exclude_each_other(self, aecli: Run, tmp_path: Path) -> None:
        assert aecli("train", "digits", "-o", tmp_path, "--resume", "--overwrite").status == ExitStatus.USAGE

    def test_other_files_in_the_folder_are_kept(self, train: Callable[..., Path], tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "notes.txt").write_text("mine")
        run = train(tmp_path / "run", "--epochs", 1)
        train(run, "--epochs", 1, "--overwrite")
        assert (run / "notes.txt").read_text() == "mine"


class TestInitialWeights:
    def test_training_starts_from_the_weights(self, train: Callable[..., Path], conv_run: Path, tmp_path: Path) -> None:
        cold = train(tmp_path / "cold", "--epochs", 1)
        for source in (conv_run, conv_run / "model.safetensors"):
            warm = train(tmp_path / f"warm-{source.suffix}", "--epochs", 1, "--init-from", source)
            assert losses(warm)[0] < 0.7 * losses(cold)[0]
            assert read_header(warm / "model.safetensors").mean == read_header(conv_run / "model.safetensors").mean

    @pytest.mark.parametrize(
        "words", [("--recipe", "mlp"), ("--set", "model.arguments.channels=[8,4,2]"), ("--set", "model.channels=3")]
    )
    def test_weights_that_do_not_fit_are_refused(
        self, words: tuple[str, ...], aecli: Run, conv_run: Path, tmp_path: Path
    ) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--init-from", conv_run, *words, *CPU)
        assert result.status == ExitStatus.INPUT
        assert error_of(result)
        assert not (tmp_path / "run" / "recipe.toml").exists()

    def test_a_run_does_not_replace_its_inputs(self, train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--epochs", 1)
        inputs = [("--init-from", run), ("--init-from", run / "model.safetensors"), ("--recipe", run / "recipe.toml")]
        for words in inputs:
            result = aecli("train", "digits", "-o", run, "--overwrite", *words, "--epochs", 2, *CPU)
            assert result.status == ExitStatus.USAGE
            assert "input" in error_of(result)
        assert len(losses(run)) == 1


class TestFolderConflicts:
    @pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
    def test_two_runs_do_not_share_a_folder(self, aecli: Run, train: Callable[..., Path], tmp_path: Path) -> None:
        run = tmp_path / "run"
        with RunFolder(run).claimed():
            result = aecli("train", "digits", "-o", run, "--epochs", 1)
            assert result.status == ExitStatus.EXISTS
            assert "another run" in error_of(result)
            assert run.is_dir(), "the other run's folder is kept"
        assert not run.exists()
        train(run, "--epochs", 1)

    def test_a_run_that_cannot_start_leaves_no_folder(self, aecli: Run, tmp_path: Path) -> None:
        invalid = {
            ("digits", "--epochs", 0): ExitStatus.USAGE,
            ("digits", "--val", "digits:none"): ExitStatus.INPUT,
            (tmp_path / "none",): ExitStatus.INPUT,
        }
        for words, status in invalid.items():
            assert aecli("train", *words, "-o", tmp_path / "run").status == status
            assert not (tmp_path / "run").exists()

    def test_a_run_folder_among_the_images_is_refused(self, aecli: Run, image_folder: Path) -> None:
        for folder in (image_folder, image_folder / "a" / "run"):
            result = aecli("train", image_folder, "-o", folder, "--epochs", 1)
            assert result.status == ExitStatus.USAGE
            assert "images" in error_of(result)
            assert not (folder / "recipe.toml").exists()


class TestLoggers:
    def test_tensorboard_has_the_losses(self, train: Callable[..., Path], tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
            EventAccumulator,
        )

        run = train(tmp_path / "run", "--epochs", 3, "--logger", "csv,tensorboard")
        (events,) = (run / "tensorboard").rglob("events.out.tfevents.*")
        accumulator = EventAccumulator(str(events))
        accumulator.Reload()
        for name in ("train_loss", "val_loss"):
            values = [event.value for event in accumulator.Scalars(name)]
            assert values == pytest.approx(losses(run, name), rel=1e-6)

    def test_overwrite_replaces_the_events(self, train: Callable[..., Path], tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--epochs", 1, "--logger", "tensorboard")
        (before,) = (run / "tensorboard").rglob("events.out.tfevents.*")
        train(run, "--epochs", 1, "--logger", "tensorboard", "--overwrite")
        (after,) = (run / "tensorboard").rglob("events.out.tfevents.*")
        assert before.name != after.name

    def test_an_unknown_logger_suggests_the_nearest(self, aecli: Run, tmp_path: Path) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--logger", "tensorbord")
        assert result.status == ExitStatus.USAGE
        assert "'tensorboard'" in error_of(result)
        assert not (tmp_path / "run" / "recipe.toml").exists()

    def test_tensorboard_has_the_images_of_each_epoch(self, train: Callable[..., Path], tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import (
            EventAccumulator,
        )

        run = train(tmp_path / "run", "--recipe", "denoising", "--epochs", 2, "--logger", "tensorboard")
        (events,) = (run / "tensorboard").rglob("events.out.tfevents.*")
        accumulator = EventAccumulator(str(events), size_guidance={"images": 0})
        accumulator.Reload()
        pixels = {}
        for title in ("input", "corrupted_input", "reconstruction"):
            shown = accumulator.Images(f"images/{title}")
            assert len(shown) == 2
            pixels[title] = [np.asarray(Image.open(io.BytesIO(event.encoded_image_string))) for event in shown]
            height, width = pixels[title][0].shape[:2]
            assert width / height == pytest.approx(2, rel=0.1)  # 10 columns, 5 rows
        assert (pixels["input"][0] == pixels["input"][1]).all()
        assert (pixels["corrupted_input"][0] == pixels["corrupted_input"][1]).all()
        assert (pixels["input"][0] != pixels["corrupted_input"][0]).any()
        assert (pixels["reconstruction"][0] != pixels["reconstruction"][1]).any()

    def test_logging_images_does_not_change_the_model(self, train: Callable[..., Path], tmp_path: Path) -> None:
        words = ("--recipe", "denoising", "--epochs", 2)
        plain, logged = train(tmp_path / "a", *words), train(tmp_path / "b", *words, "--logger", "tensorboard")
        assert (plain / "model.safetensors").read_bytes() == (logged / "model.safetensors").read_bytes()

    @pytest.mark.long
    def test_weights_and_biases_offline_beside_tensorboard(
        self, aecli_apart: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WANDB_MODE", "offline")
        run = tmp_path / "run"
        words = ("--epochs", 2, "--device", "cpu", "--logger", "wandb,tensorboard")
        result = aecli_apart("train", "digits", "-o", run, *words)
        assert result.status == 0, result.err
        assert "wandb" not in result.err + result.out
        (folder,) = (run / "wandb").glob("offline-run-*")
        (log,) = folder.glob("run-*.wandb")
        content = log.read_bytes()
        assert b"val_loss" in content
        grids = list(folder.rglob("*.png"))
        assert len(grids) == 2 * 2  # inputs and reconstructions, two epochs
        assert list((run / "tensorboard").rglob("events.out.tfevents.*"))

    def test_a_logger_that_is_not_installed_has_an_installation_hint(
        self, aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("aecli.training.loggers.find_spec", lambda name: None)
        result = aecli("train", "digits", "-o", tmp_path / "run", "--logger", "wandb")
        assert result.status == ExitStatus.UNAVAILABLE
        assert "pip install wandb" in result.err


class TestAccelerators:
    @pytest.mark.parametrize("name", ACCELERATORS)
    def test_an_accelerator_trains_or_is_reported_as_unavailable(self, name: str, aecli: Run, tmp_path: Path) -> None:
        words = ("--epochs", 1, "--recipe", "mlp", "--device", name)
        result = aecli("train", "digits", "-o", tmp_path / "run", *words)
        if is_available(name):
            assert result.status == ExitStatus.DONE, result.err
            return
        assert result.status == ExitStatus.UNAVAILABLE
        assert name in error_of(result)
        assert not (tmp_path / "run").exists()

    def test_every_accelerator_of_lightning_is_known(self) -> None:
        assert set(AcceleratorRegistry.available_accelerators()) <= set(ACCELERATORS)
        assert is_available("auto")
        assert is_available("cpu")
        assert not is_available("hpu")

    def test_an_unknown_accelerator_is_a_usage_error(self, aecli: Run, tmp_path: Path) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--device", "gpus")
        assert result.status == ExitStatus.USAGE
        assert "'gpu'" in error_of(result)

    def test_a_precision_trains_or_is_reported_as_unavailable(self, fit: Callable[..., Any], tmp_path: Path) -> None:
        try:
            trained = fit(tmp_path / "run", {"training.precision": "16-mixed"})
        except UnavailableError:
            return
        assert np.isfinite(trained.history[-1].train_loss)

    def test_json_output_describes_the_run(self, aecli: Run, tmp_path: Path) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--epochs", 2, "--json", *CPU)
        document = json.loads(result.out)
        assert document["training"]["epochs"] == 2
        assert document["parameters"] == 3221
        assert document["images_per_second"] > 0
        first = [line.split()[0] for line in result.err.splitlines()]
        assert [word for word in first if word != "warning:"] == ["training", "10", "recipe", "epoch", "epoch", "look"]


def folder_of(path: Path, images: NDArray[Any]) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index}.png")
    return path


class TestImages:
    def test_val_names_the_validation_images(self, train: Callable[..., Path], tmp_path: Path) -> None:
        header = read_header(train(tmp_path / "run", "--epochs", 1, "--val", "digits:test") / "model.safetensors")
        assert (header.data.images, header.validation.images) == (1438, 359)
        assert header.validation.word == "digits:test"

    @pytest.mark.parametrize("count", [2, 3, 11])
    def test_two_images_suffice(self, count: int, aecli: Run, digits: NDArray[Any], tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "few", digits[:count, 0])
        result = aecli("train", folder, "-o", tmp_path / "run", "--epochs", 2, *CPU)
        assert result.status == 0, result.err
        header = read_header(tmp_path / "run" / "model.safetensors")
        assert header.data.images + header.validation.images == count

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_constant_images_train(self, level: int, aecli: Run, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "flat", np.full((5, 8, 8), level, np.uint8))
        result = aecli("train", folder, "-o", tmp_path / "run", "--epochs", 2, *CPU)
        assert result.status == 0, result.err
        assert np.isfinite(losses(tmp_path / "run")).all()

    @pytest.mark.parametrize("recipe", ["conv", "mlp"])
    def test_color_images_of_one_class_with_odd_sides(self, recipe: str, aecli: Run, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        random = np.random.default_rng(0)
        folder_of(tmp_path / "root" / "cats", random.integers(0, 256, (6, 9, 13, 3), dtype=np.uint8))
        words = ("--recipe", recipe, "--epochs", 1, *CPU)
        result = aecli("train", tmp_path / "root", "-o", tmp_path / "run", *words)
        assert result.status == 0, result.err
        header = read_header(tmp_path / "run" / "model.safetensors")
        assert header.image_shape == (3, 9, 13)
        assert header.class_names == ["cats"]
        assert len(header.mean) == len(header.std) == 3

    def test_one_image_does_not_suffice(self, aecli: Run, digits: NDArray[Any], tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "one", digits[:1, 0])
        result = aecli("train", folder, "-o", tmp_path / "run", *CPU)
        assert result.status == ExitStatus.INPUT
        assert "images" in error_of(result)


def test_a_recipe_name_is_not_a_path(aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--recipe", "mlp", "--epochs", "1", "--device", "cpu")
    result = aecli("train", "digits", "-o", "mlp", *words)
    assert result.status == 0, result.err
    result = aecli("train", "digits", "-o", "mlp/digits", *words)
    assert result.status == 0, result.err


def test_overwriting_removes_detector_and_export(aecli: Run, train: Callable[..., Path], tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    assert aecli("calibrate", "--model", run, "--normal", "digits:test").status == 0
    assert aecli("export", run).status == 0
    train(run, "--epochs", "1", "--seed", "1", "--overwrite")
    assert not (run / "detector.safetensors").exists()
    assert not (run / "model.onnx").exists()
    assert aecli("detect", "digits:test", "--model", run).status == 0
