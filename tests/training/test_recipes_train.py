"""Every shipped recipe trains a model that encodes and decodes, or classifies; training reduces the loss."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecli import inference
from aecli.codes import load_codes
from aecli.data import load
from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.recipes.loading import load_recipe, recipe_names
from aecli.recipes.sections import CorruptionRecipe
from tests.command_line import Run
from tests.tiny_backbone import FEATURES

pytestmark = pytest.mark.slow

SMALL = (
    *("--epochs", "2", "--set", "model.image_size=8", "--set", "model.channels=1", "--device", "cpu"),
    *("--set", "training.limit_per_class=40"),
)
"""Two epochs of few images with the shape of the digits, whatever the recipe sets."""
LARGE = {"photos", "resnet"}
FILES = {"model.safetensors", "recipe.toml", "metrics.csv", "loss.png"}


def losses(run: Path, column: str = "train_loss") -> list[float]:
    with (run / "metrics.csv").open() as file:
        return [float(row[column]) for row in csv.DictReader(file)]


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.long] * (name in LARGE)) for name in recipe_names()],
)
def shipped(
    request: pytest.FixtureRequest, aecli: Run, backbone_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A read-only run of each recipe on zeros and ones."""
    run = tmp_path_factory.mktemp(request.param) / "run"
    is_trained = load_recipe(request.param).task != "features"
    words = SMALL if is_trained else (*FEATURES, "--init-from", backbone_weights)
    if request.param == "codec":
        words = (*SMALL, "--set", "penalty.rate_prior_steps=50")
    result = aecli("train", "digits@0,1", "-o", run, "--recipe", request.param, *words, plots=True)
    assert result.status == 0, result.err
    return run


def test_a_shipped_recipe_trains_encodes_and_decodes(shipped: Path, aecli: Run, tmp_path: Path) -> None:
    if load_recipe(str(shipped / "recipe.toml")).task != "autoencoder":
        pytest.skip("it has no decoder to images")
    run = shipped
    assert {file.name for file in run.iterdir()} == FILES | {"reconstructions.png"}
    assert len(losses(run)) == 2
    with Image.open(run / "reconstructions.png") as plot:
        assert plot.width > 400

    codes, images = tmp_path / "codes.npz", tmp_path / "images.npz"
    assert aecli("encode", "digits:test@0,1", "--model", run, "-o", codes).status == 0
    assert load_codes(codes).codes.std() > 0
    assert aecli("decode", codes, "--model", run, "-o", images).status == 0
    with np.load(images) as archive:
        assert archive["images"].shape == (len(load_codes(codes)), 1, 8, 8)
        assert archive["images"].std() > 0


def test_a_shipped_recipe_trains_and_classifies(shipped: Path, aecli: Run) -> None:
    if load_recipe(str(shipped / "recipe.toml")).task != "classifier":
        pytest.skip("it has no classes")
    run = shipped
    assert {file.name for file in run.iterdir()} == FILES | {"confusion.png"}
    assert len(losses(run, "val_accuracy")) == 2
    with Image.open(run / "confusion.png") as plot:
        assert plot.width > 400
    result = aecli("classify", "digits:test@0,1", "--model", run)
    assert result.status == 0
    assert len(result.rows) == len(load("digits:test@0,1"))


def test_a_shipped_recipe_fits_and_detects(shipped: Path, aecli: Run) -> None:
    if load_recipe(str(shipped / "recipe.toml")).task != "features":
        pytest.skip("it is trained")
    assert {file.name for file in shipped.iterdir()} == {"model.safetensors", "recipe.toml", "metrics.csv"}
    flagged = {}
    for words in ("digits:test@0,1", "letters"):
        summary = aecli("detect", words, "--model", shipped, "--json").documents[-1]["summary"]
        flagged[words] = summary["anomalies"] / summary["images"]
    assert flagged["digits:test@0,1"] < 0.5 * flagged["letters"]


def test_the_recipe_in_the_run_folder_is_complete(shipped: Path) -> None:
    recipe = load_recipe(str(shipped / "recipe.toml"))
    is_fitted = recipe.task == "features"
    assert recipe.model.image_shape == ((1, 32, 32) if is_fitted else (1, 8, 8))
    assert isinstance(recipe.model.mean, list)
    assert isinstance(recipe.model.std, list)
    assert recipe.training.epochs == (1 if is_fitted else 2)
    assert recipe.with_settings({}) == recipe


@pytest.mark.parametrize("name", ["conv", "mlp"])
@pytest.mark.long
def test_training_reduces_the_loss(name: str, fit: Callable[..., Any], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"training.epochs": 25, "training.batch_size": 64, "optimizer.momentum": 0.9}
    settings |= {"optimizer.name": "adam", "optimizer.lr": 0.003}
    trained = fit(tmp_path / "run", settings, recipe=name)
    first, last = trained.history[0], trained.history[-1]
    assert last.train_loss < 0.5 * first.train_loss
    assert last.val_loss < 0.5
    assert trained.checkpoint.header.training.val_mse == pytest.approx(min(row.val_loss for row in trained.history))


@pytest.mark.parametrize(
    "corruption",
    [{"gaussian": 0.8}, {"dropout": 0.5}, {"blocks": 2, "block_area": 0.1}, {"rotation": 40.0, "translation": 0.2}],
    ids=str,
)
@pytest.mark.long
def test_a_denoising_model_restores_better_than_a_plain_one(
    corruption: dict[str, Any], fit: Callable[..., Any], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "optimizer.name": "adam",
        "optimizer.lr": 0.01,
        "model.arguments": {"hidden": [], "code": 64},
    }
    settings |= {"training.epochs": 30}
    denoising = {f"corruption.{key}": value for key, value in corruption.items()}
    errors = {}
    for name, more in {"plain": {}, "denoising": denoising}.items():
        model = fit(tmp_path / name, settings | more).checkpoint.model
        errors[name] = restoration_error(model, CorruptionRecipe(**corruption))
    assert errors["denoising"] < 0.8 * errors["plain"]


def restoration_error(model: Autoencoder, corruption: CorruptionRecipe) -> float:
    """Return the mean squared error of restored digits from the clean ones."""
    clean = model.normalize(torch.from_numpy(load("digits:test").images))
    with torch.no_grad():
        _, restored = model(corrupt(clean, corruption, model.black, torch.Generator().manual_seed(0)))
    return float((restored - clean).square().mean())


def test_a_sparse_model_has_smaller_codes(fit: Callable[..., Any], tmp_path: Path) -> None:
    means = {}
    for weight in (0.0, 5.0):
        fit(tmp_path / str(weight), {"penalty.sparsity_weight": weight, "training.epochs": 5})
        codes = inference.load(tmp_path / str(weight), device="cpu").encode(load("digits:test").images)
        means[weight] = float(np.abs(codes - 0.05).mean())
    assert means[5.0] < 0.5 * means[0.0]
