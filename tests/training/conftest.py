"""Training without the command line, on real digits."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aecli.checkpoint import Checkpoint
from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions
from aecli.recipes.loading import load_recipe
from aecli.recipes.schema import Recipe
from aecli.training.fit import Trained, train
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import Subset, load_subsets

Weights = dict[str, NDArray[Any]]

SMALL = {
    "model.architecture": "mlp",
    "model.arguments": {"hidden": [16], "code": 8},
    "optimizer.momentum": 0.9,
    "training.epochs": 2,
    "training.batch_size": 256,
}
"""A fully connected model that trains in a blink."""


@pytest.fixture(scope="session")
def subsets() -> Callable[[Recipe], tuple[Subset, Subset]]:
    """The digits to train and to validate on, as a recipe holds them out."""

    def run(recipe: Recipe) -> tuple[Subset, Subset]:
        return load_subsets("digits", None, recipe, DataOptions())

    return run


@pytest.fixture(scope="session")
def fit(subsets: Callable[[Recipe], tuple[Subset, Subset]]) -> Callable[..., Trained]:
    """Train the small model, or a shipped recipe, with settings changed, into a folder."""

    def run(folder: Path, settings: Mapping[str, Any] = {}, recipe: str | None = None, **options: Any) -> Trained:
        wanted = load_recipe(recipe) if recipe else Recipe().with_settings(SMALL)
        wanted = wanted.with_settings(settings)
        images, validation = subsets(wanted)
        resolved = resolve_recipe(wanted, images, options.get("init_from"))
        folder.mkdir(parents=True, exist_ok=True)
        return train(resolved, images, validation, RunFolder(folder), **{"accelerator": "cpu"} | options)

    return run


@pytest.fixture(scope="session")
def weights() -> Callable[[Path], Weights]:
    """The weights in a run folder."""
    return lambda folder: load_file(folder / "model.safetensors")


@pytest.fixture(scope="session")
def autoencoder(fit: Callable[..., Trained], tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint of the small model, with a normalization of its own."""
    settings = {"training.epochs": 10, "optimizer.name": "adam", "optimizer.lr": 0.01}
    settings |= {"model.mean": [0.4], "model.std": [0.3]}
    return fit(tmp_path_factory.mktemp("autoencoder") / "run", settings).checkpoint
