"""A classifier can start from an autoencoder's encoder or from another classifier."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint import read_header
from aecli.errors import ExitStatus
from aecli.models.classifier import Classifier
from aecli.recipes.schema import Recipe
from tests.command_line import Run

CPU = ("--device", "cpu")
CLASSIFIER = {"objective.loss": "cross-entropy"}
QUICK = CLASSIFIER | {"optimizer.name": "adam", "optimizer.lr": 0.01}
STILL = CLASSIFIER | {"optimizer.name": "sgd", "optimizer.lr": 1e-12, "training.epochs": 1}
"""The weights keep their initial values."""


def encoder_weights(model: Any) -> dict[str, NDArray[Any]]:
    return {name: value.numpy() for name, value in model.encoder.state_dict().items()}


def equal(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_the_encoder_and_normalization_of_an_autoencoder_are_loaded(
    fit: Callable[..., Any], autoencoder: Any, tmp_path: Path
) -> None:
    still = fit(tmp_path / "still", STILL, init_from=autoencoder).checkpoint
    for name, value in encoder_weights(still.model).items():
        np.testing.assert_allclose(value, encoder_weights(autoencoder.model)[name], atol=1e-9)
    assert (still.header.mean, still.header.std) == ([0.4], [0.3])
    scratch = fit(tmp_path / "scratch", STILL).checkpoint
    assert scratch.header.mean != [0.4]
    assert not equal(encoder_weights(scratch.model), encoder_weights(still.model))


def test_a_frozen_encoder_keeps_its_weights(fit: Callable[..., Any], autoencoder: Any, tmp_path: Path) -> None:
    start = encoder_weights(autoencoder.model)
    heads = [fit(tmp_path / "still", STILL, init_from=autoencoder).checkpoint.model.head.weight]
    for freeze in (True, False):
        settings = QUICK | {"training.freeze_encoder": freeze}
        trained = fit(tmp_path / str(freeze), settings, init_from=autoencoder)
        assert equal(encoder_weights(trained.checkpoint.model), start) == freeze
        heads.append(trained.checkpoint.model.head.weight)
    assert not heads[0].allclose(heads[1])
    assert not heads[1].allclose(heads[2])


def test_a_frozen_encoder_keeps_its_running_statistics(subsets: Callable[..., Any]) -> None:
    from aecli.training.batches import Batches
    from aecli.training.classifier_module import ClassifierModule

    recipe = Recipe().with_settings(QUICK | {"training.freeze_encoder": True})
    model = Classifier("mlp", (1, 8, 8), {"hidden": [], "code": 4}, [0.5], [0.5], 10)
    normalization = torch.nn.BatchNorm1d(4)
    model.encoder.append(normalization)  # type: ignore[operator]
    training, validation = (Batches(subset, 64, labeled=True) for subset in subsets(recipe))
    module = ClassifierModule(model, recipe, training, validation).train()
    module.trainer = type("Trainer", (), {"current_epoch": 0, "optimizers": [], "num_devices": 1})()
    module.on_fit_start()
    module.on_train_epoch_start()
    module.validation_step(next(iter(training)), 0)
    assert normalization.running_mean is not None
    assert normalization.running_mean.eq(0).all()
    assert model.head.training


def test_a_classifier_of_the_same_classes_is_loaded(
    fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
) -> None:
    first = fit(tmp_path / "first", QUICK)
    warm = fit(tmp_path / "warm", STILL, init_from=first.checkpoint)
    assert warm.history[0].val_accuracy == first.checkpoint.header.training.val_accuracy
    assert warm.history[0].val_loss == pytest.approx(first.checkpoint.header.training.val_loss, rel=1e-6)


def test_a_classifier_of_other_classes_is_refused(train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--recipe", "conv-classifier", "--epochs", 1)
    words = ("train", "digits:train@3,5", "--recipe", "conv-classifier", "--init-from", run)
    result = aecli(*words, "-o", tmp_path / "other", *CPU)
    assert result.status == ExitStatus.INPUT
    assert "other classes: 0, 1, 2" in result.err
    assert not (tmp_path / "other").exists()


def test_an_autoencoder_from_a_classifier_is_refused(train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--recipe", "conv-classifier", "--epochs", 1)
    result = aecli("train", "digits", "--recipe", "conv", "--init-from", run, "-o", tmp_path / "other", *CPU)
    assert result.status == ExitStatus.INPUT
    assert "decoder" in result.err


@pytest.mark.parametrize(
    "recipe",
    [
        ("mlp-classifier", "--set", "model.mean=measured", "--set", "model.std=measured"),
        ("conv-classifier", "--set", "model.arguments.channels=[8,4,2]"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(
    recipe: tuple[str, ...], aecli: Run, conv_run: Path, tmp_path: Path
) -> None:
    words = ("train", "digits", "--init-from", conv_run, "-o", tmp_path / "run", *CPU, "--recipe", *recipe)
    result = aecli(*words)
    assert result.status == ExitStatus.INPUT
    assert "architecture" in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("recipe", ["conv", "conv-classifier"])
def test_another_normalization_is_refused(recipe: str, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    words = ("train", "digits", "--recipe", recipe, "--init-from", conv_run, "-o", tmp_path / "run", *CPU)
    result = aecli(*words, "--set", "model.mean=[0.5]")
    assert result.status == ExitStatus.INPUT
    assert "model.mean is [0.5]" in result.err
    assert "--set model.mean=measured" in result.err
    header = read_header(conv_run / "model.safetensors")
    same = (f"model.mean={header.mean}", f"model.std={header.std}")
    result = aecli(*words, "--epochs", 1, "--set", same[0], "--set", same[1])
    assert result.status == 0, result.err


def test_the_levels_of_an_autoencoder_are_kept(aecli: Run, digits: NDArray[np.uint8], tmp_path: Path) -> None:
    """Of labeled images with the maximum 4,080, white would be measured as 4,095, four times brighter."""
    for index, pixels in enumerate(digits[:40]):
        for folder, factor in (("all", 40), ("labeled", 16)):
            path = tmp_path / folder / "ab"[index % 2] / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[0].astype(np.uint16) * factor).save(path)
    quick = ("--epochs", 1, *CPU, "--image-size", 8)
    start = aecli("train", tmp_path / "all", "-o", tmp_path / "start", "--recipe", "conv", *quick)
    assert start.status == 0, start.err
    words = ("train", tmp_path / "labeled", "-o", tmp_path / "run", "--recipe", "conv-classifier", *quick)
    run = aecli(*words, "--init-from", tmp_path / "start", "--freeze-encoder")
    assert run.status == 0, run.err
    levels = [
        (recipe["model"]["black"], recipe["model"]["white"])
        for recipe in (read_header(tmp_path / name / "model.safetensors").recipe for name in ("start", "run"))
    ]
    assert levels == [(0, 16383), (0, 16383)]
    other = aecli(*words, "--overwrite", "--init-from", tmp_path / "start", "--set", "model.white=4095")
    assert other.status == ExitStatus.INPUT
    assert "16383" in other.err
    assert "model.white=measured" in other.err
