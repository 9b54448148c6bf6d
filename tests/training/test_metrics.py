"""The metrics of an epoch, and the choice of the best weights."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aecli.checkpoint import load_checkpoint
from aecli.models.autoencoder import Autoencoder
from aecli.recipes.loading import load_recipe
from aecli.recipes.schema import Recipe
from aecli.training.subsets import Subset

STILL = {"optimizer.lr": 1e-12, "training.epochs": 1}
"""The weights keep their initial values."""


def losses_by_hand(model: Autoencoder, subset: Subset) -> NDArray[Any]:
    """Return the mean squared error of each image, (N,)."""
    with torch.no_grad():
        x = model.normalize(torch.from_numpy(subset.images.images[subset.indices]))
        errors: NDArray[Any] = (model(x)[1] - x).square().flatten(1).mean(dim=1).double().numpy()
    return errors


def test_losses_are_means_over_images_not_over_batches(
    fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
) -> None:
    size = 1290  # of 1,294: the last batch has 4 images
    trained = fit(tmp_path / "run", STILL | {"training.batch_size": size, "optimizer.name": "sgd"})
    images, validation = subsets(Recipe())
    assert len(images) == 1294
    model = trained.checkpoint.model
    row = trained.history[0]
    image_losses = losses_by_hand(model, images)
    assert row.train_loss == pytest.approx(image_losses.mean(), rel=1e-5)
    assert row.val_loss == pytest.approx(losses_by_hand(model, validation).mean(), rel=1e-5)
    assert row.step == 2

    from aecli.training.batches import Batches

    batches = Batches(images, size, seed=0)
    [*_, [indices]] = batches
    last = model.normalize(batches.take(indices))
    with torch.no_grad():
        last_mean = float((model(last)[1] - last).square().mean())
    batch_loss = (image_losses.mean() * 1294 - last_mean * 4) / size / 2 + last_mean / 2
    assert abs(batch_loss - row.train_loss) > 1e-3 * row.train_loss


def test_the_penalty_is_part_of_the_loss_but_not_of_val_mse(
    fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
) -> None:
    penalized = STILL | {"penalty.sparsity_weight": 2.0, "penalty.reduction": "sum"}
    trained = fit(tmp_path / "run", penalized)
    _, validation = subsets(Recipe())
    model = trained.checkpoint.model
    with torch.no_grad():
        code, _ = model(model.normalize(torch.from_numpy(validation.images.images[validation.indices])))
    penalty = 2.0 * float((code - 0.05).abs().sum(dim=1).mean())
    mse = losses_by_hand(model, validation).mean()
    assert trained.history[0].val_loss == pytest.approx(mse + penalty, rel=1e-5)
    assert trained.checkpoint.header.training.val_mse == pytest.approx(mse, rel=1e-5)


@pytest.mark.parametrize(("recipe", "lr"), [("mlp", 0.2), ("denoising", 0.05)])
def test_the_checkpoint_has_the_weights_of_the_smallest_validation_loss(
    recipe: str, lr: float, fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
) -> None:
    # A large momentum overshoots: the last epoch is not the best.
    trained = fit(tmp_path / "run", {"training.epochs": 30, "optimizer.lr": lr}, recipe=recipe)
    losses = [row.val_loss for row in trained.history]
    training = trained.checkpoint.header.training
    assert training.best_epoch == int(np.argmin(losses)) + 1
    assert training.val_loss == min(losses)
    assert training.best_epoch < training.epochs == 30
    assert training.train_loss == trained.history[training.best_epoch - 1].train_loss

    _, validation = subsets(load_recipe(recipe))
    image_losses = losses_by_hand(load_checkpoint(tmp_path / "run").autoencoder, validation)
    assert training.val_mse == pytest.approx(image_losses.mean(), rel=1e-5)
    if recipe == "mlp":
        assert training.val_mse == pytest.approx(min(losses), rel=1e-5)
    quantiles = trained.checkpoint.header.residual_quantiles
    expected = np.quantile(np.sqrt(image_losses * 64), quantiles.probabilities)
    np.testing.assert_allclose(quantiles.values, expected, rtol=1e-4)


def test_metrics_csv_has_a_row_for_each_epoch(fit: Callable[..., Any], tmp_path: Path) -> None:
    trained = fit(tmp_path / "run", {"training.epochs": 3, "optimizer.schedule": "cosine"})
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [["epoch", "step", "train_loss", "val_loss", "lr"]] * 3
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [int(row["step"]) for row in rows] == [6, 12, 18]
    assert [float(row["val_loss"]) for row in rows] == [row.val_loss for row in trained.history]
    rates = [float(row["lr"]) for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_validation_has_the_same_corruption_in_every_epoch(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = STILL | {"training.epochs": 3, "corruption.gaussian": 0.5, "optimizer.name": "sgd"}
    history = fit(tmp_path / "run", settings).history
    assert len({round(row.val_loss, 6) for row in history}) == 1
    assert len({round(row.train_loss, 7) for row in history}) == 3
