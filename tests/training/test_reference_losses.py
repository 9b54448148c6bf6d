"""The validation losses of predictions that need no training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.checkpoint import load_checkpoint, read_header
from aecli.recipes.schema import Recipe
from aecli.training import reference_losses
from aecli.training.learning_warnings import LearningWarnings
from aecli.training.subsets import Subset

Pixels = NDArray[np.float64]


@pytest.fixture(scope="module")
def normalized(subsets: Callable[[Recipe], tuple[Subset, Subset]]) -> tuple[Pixels, Pixels]:
    """The training and the validation digits in normalized units."""
    images, validation = (subset.images.images[subset.indices] / 255 for subset in subsets(Recipe()))
    return (images - images.mean()) / images.std(), (validation - images.mean()) / images.std()


@pytest.mark.parametrize(
    ("loss", "constant", "distance", "name"),
    [
        ("mse", np.mean, np.square, "mean_image"),
        ("l1", np.median, np.abs, "median_image"),
        ("huber", np.mean, lambda d: np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5), "mean_image"),
    ],
)
def test_the_constant_image_has_the_loss_of_the_recipe(
    loss: str,
    constant: Callable[..., Pixels],
    distance: Callable[[Pixels], Pixels],
    name: str,
    normalized: tuple[Pixels, Pixels],
    fit: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in ("SAMPLE", "MEDIAN_SAMPLE"):
        monkeypatch.setattr(reference_losses, limit, 10_000)
    references = fit(tmp_path, {"objective.loss": loss, "training.epochs": 1}).checkpoint.header.training.references
    images, validation = normalized
    expected = float(distance(constant(images, axis=0) - validation).mean())
    assert references.keys() == {name, "untrained_network"}
    assert references[name] == pytest.approx(expected, rel=0.01 if loss == "l1" else 1e-4)
    assert read_header(tmp_path / "model.safetensors").training.references == references


def test_a_sample_gives_nearly_the_same_losses(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_losses, "SAMPLE", 100)
    monkeypatch.setattr(reference_losses, "NETWORK_SAMPLE", (40, 40))
    few = fit(tmp_path / "few", {"training.epochs": 1}).checkpoint.header.training.references
    monkeypatch.setattr(reference_losses, "SAMPLE", 10_000)
    monkeypatch.setattr(reference_losses, "NETWORK_SAMPLE", (500, 500))
    all_images = fit(tmp_path / "all", {"training.epochs": 1}).checkpoint.header.training.references
    assert few != all_images
    assert few == pytest.approx(all_images, rel=0.1)


def test_a_model_of_corrupted_images_is_compared_with_their_mean(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"training.epochs": 1, "corruption.gaussian": 1.0}
    clean, corrupted = (
        fit(tmp_path / target, settings | {"corruption.target": target}).checkpoint.header.training.references
        for target in ("clean", "corrupted")
    )
    # Noise of variance 1 is added to each pixel of the target.
    assert corrupted["mean_image"] == pytest.approx(clean["mean_image"] + 1, rel=0.05)


def test_the_untrained_network_is_the_one_before_the_first_step(fit: Callable[..., Any], tmp_path: Path) -> None:
    trained = fit(tmp_path, {"optimizer.lr": 1e-12, "training.epochs": 1, "penalty.sparsity_weight": 0.1})
    assert trained.checkpoint.header.training.references["untrained_network"] == pytest.approx(
        trained.history[0].val_loss, rel=1e-4
    )


def test_a_model_that_starts_from_another_has_an_initial_network(
    fit: Callable[..., Any], autoencoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_losses, "NETWORK_SAMPLE", (40, 40))  # of an untrained network only
    settings = {"model.mean": [0.4], "model.std": [0.3], "training.epochs": 1}
    references = fit(tmp_path, settings, init_from=autoencoder).checkpoint.header.training.references
    assert references["initial_network"] == pytest.approx(autoencoder.header.training.val_loss, rel=1e-4)
    assert "untrained_network" not in references


def test_a_classifier_is_compared_with_guessing_by_class(fit: Callable[..., Any], tmp_path: Path) -> None:
    references = fit(tmp_path, {"objective.loss": "cross-entropy"}).checkpoint.header.training.references
    assert references["class_frequencies"] == pytest.approx(np.log(10), rel=0.01)


def test_measuring_changes_no_weight(fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"corruption.gaussian": 0.5, "corruption.dropout": 0.1}
    with_references = fit(tmp_path / "with", settings)
    monkeypatch.setattr(LearningWarnings, "on_train_start", lambda *_: None)
    without = fit(tmp_path / "without", settings)
    assert without.checkpoint.header.training.references == {}
    assert without.history == with_references.history
    before, after = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("without", "with"))
    assert all(before[name].equal(after[name]) for name in before)
