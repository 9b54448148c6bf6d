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
from aecli.training.callbacks import TrainingListener
from aecli.training.fit import train
from aecli.training.request import Hardware, TrainingRequest
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import Subset, load_subsets
from aecli.training.trained import Trained

Weights = dict[str, NDArray[Any]]

SMALL = {
    "model.architecture": "mlp",
    "model.arguments": {"hidden": [16], "code": 8},
    "optimizer.momentum": 0.9,
    "training.epochs": 2,
    "training.batch_size": 256,
}
"""A fully connected model that trains in a fraction of a second."""


@pytest.fixture(scope="session")
def subsets() -> Callable[[Recipe], tuple[Subset, Subset]]:
    """Return the training and validation digits of a recipe."""

    def run(recipe: Recipe) -> tuple[Subset, Subset]:
        return load_subsets("digits", None, recipe, DataOptions())

    return run


@pytest.fixture(scope="session")
def fit(subsets: Callable[[Recipe], tuple[Subset, Subset]]) -> Callable[..., Trained | None]:
    """Train the small model, or a shipped recipe, with changed settings, and write the run to a folder."""

    def run(
        folder: Path,
        settings: Mapping[str, Any] = {},
        recipe: str | None = None,
        *,
        resume: bool = False,
        keep_state: bool = False,
        init_from: Checkpoint | None = None,
        device: str = "cpu",
        strategy: str = "auto",
        listener: TrainingListener | None = None,
    ) -> Trained | None:
        chosen = load_recipe(recipe) if recipe else Recipe().with_settings(SMALL)
        chosen = chosen.with_settings(settings)
        images, validation = subsets(chosen)
        resolved = resolve_recipe(chosen, images, init_from)
        folder.mkdir(parents=True, exist_ok=True)
        request = TrainingRequest(resolved, images, validation, RunFolder(folder), resume, init_from, keep_state)
        return train(request, Hardware(device, strategy=strategy), listener=listener)

    return run


@pytest.fixture(scope="session")
def weights() -> Callable[[Path], Weights]:
    """Read the weights in a run folder."""
    return lambda folder: load_file(folder / "model.safetensors")


@pytest.fixture(scope="session")
def autoencoder(fit: Callable[..., Trained], tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint of the small model with an explicit normalization."""
    settings = {"training.epochs": 10, "optimizer.name": "adam", "optimizer.lr": 0.01}
    settings |= {"model.mean": [0.4], "model.std": [0.3]}
    checkpoint: Checkpoint = fit(tmp_path_factory.mktemp("autoencoder") / "run", settings).checkpoint
    return checkpoint
