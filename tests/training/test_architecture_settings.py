"""Every architecture can be selected by a setting from every recipe; the previous architecture's arguments go."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from aecli.checkpoint import read_header
from aecli.data import DataOptions, load
from aecli.errors import ExitStatus
from aecli.models.architectures import resolve_arguments
from aecli.models.autoencoder import Autoencoder
from aecli.models.losses import distance, penalty
from aecli.recipes.loading import load_recipe, recipe_names
from aecli.training.coefficients import CHOICES
from aecli.training.initial_model import random_model
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import Subset
from tests.command_line import Run
from tests.models.image_architectures import IMAGE_ARCHITECTURES

pytestmark = pytest.mark.slow

DIGITS = {"model.image_size": 8, "model.channels": 1, "training.crop": 0, "penalty.rate_weights": []}
"""The image shape of the digits, whatever shape the recipe sets, and no codec: those are tested in `test_codecs`."""


@pytest.fixture(scope="module")
def images() -> Subset:
    """Twelve digits."""
    return Subset(load("digits:test", DataOptions()), np.arange(12))


@pytest.mark.parametrize("architecture", IMAGE_ARCHITECTURES)
@pytest.mark.parametrize("name", recipe_names())
def test_every_architecture_trains_from_every_recipe(name: str, architecture: str, images: Subset) -> None:
    shipped = load_recipe(name)
    recipe = resolve_recipe(shipped.with_settings({"model.architecture": architecture} | DIGITS), images)
    kept = shipped.model.arguments if shipped.model.architecture == architecture else {}
    expected = resolve_arguments(architecture, kept)
    if architecture == "codec":
        expected["coefficients"] = recipe.model.arguments["coefficients"]  # follows the images
        assert expected["coefficients"] in CHOICES
    assert recipe.model.arguments == expected

    model = random_model(recipe, len(images.images.class_names))
    x = model.normalize(torch.from_numpy(images.images.images[images.indices]))
    code, output = model(x)
    if isinstance(model, Autoencoder):
        loss = distance(output, x, recipe.objective)
    else:
        loss = F.cross_entropy(output, torch.from_numpy(images.labels))
    (loss + penalty(code, recipe.penalty)).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("recipe", "architecture"), [("conv", "mlp"), ("combined", "conv"), ("mlp-classifier", "strided")]
)
def test_the_command_line_trains_another_architecture(
    train: Callable[..., Path], tmp_path: Path, recipe: str, architecture: str
) -> None:
    run = train(tmp_path / "run", "--recipe", recipe, "--set", f"model.architecture={architecture}", "--epochs", 1)
    header = read_header(run / "model.safetensors")
    assert header.architecture == architecture
    assert header.arguments == resolve_arguments(architecture, {})


def test_arguments_of_the_previous_architecture_are_refused(aecli: Run, tmp_path: Path) -> None:
    settings = ("--set", "model.architecture=mlp", "--set", "model.arguments.channels=[4]")
    result = aecli("train", "digits", "-o", tmp_path / "run", *settings, "--device", "cpu")
    assert result.status == ExitStatus.INPUT
    assert "'channels'" in result.err
