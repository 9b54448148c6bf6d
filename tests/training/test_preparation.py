"""What is measured before and after training is in memory for few images at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint
from aecli.recipes.schema import Recipe
from aecli.runtime.progress import silent
from aecli.training import prior_network
from aecli.training.preview import preview
from aecli.training.prior_network import POSITIONS
from aecli.training.resolution import measure_normalization
from aecli.training.subsets import Subset

Subsets = Callable[[Recipe], tuple[Subset, Subset]]


class Recording(np.ndarray[Any, Any]):
    """Images that remember how many were taken at once."""

    taken: list[int]

    def __getitem__(self, key: Any) -> Any:
        result = np.asarray(super().__getitem__(key))
        self.taken.append(len(result))
        return result


def recorded(subset: Subset) -> tuple[Subset, list[int]]:
    images = subset.images.images.view(Recording)
    images.taken = []
    return Subset(replace(subset.images, images=images), subset.indices), images.taken


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_VALUES", 8 * 64)


@pytest.mark.usefixtures("small_batches")
def test_the_normalization_is_measured_in_batches(subsets: Subsets) -> None:
    training, _ = subsets(Recipe())
    counted, taken = recorded(training)
    mean, std = measure_normalization(counted)
    assert max(taken) == 8
    pixels = training.images.images[training.indices] / 255
    assert mean == [round(float(pixels.mean()), 6)]
    assert std == pytest.approx([float(pixels.std())], abs=1e-6)


def test_the_preview_is_the_same_in_batches(
    autoencoder: Checkpoint, subsets: Subsets, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, validation = subsets(Recipe())
    recipe = Recipe().with_settings({"corruption.dropout": 0.2})

    def panels() -> dict[str, NDArray[np.uint8]]:
        return preview(autoencoder.autoencoder, recipe, validation)

    whole = panels()
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_VALUES", 8 * 64)
    parts = panels()
    assert list(whole) == list(parts) == ["input", "corrupted input", "reconstruction"]
    assert {panel.shape for panel in parts.values()} == {(50, 1, 8, 8)}
    np.testing.assert_array_equal(parts["input"], whole["input"])


def test_a_step_of_the_prior_takes_a_part_of_large_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[torch.Size] = []

    class Recorder(prior_network.PriorNetwork):
        def bits(self, codes: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
            shapes.append(codes.shape)
            return super().bits(codes, rates)

    monkeypatch.setattr(prior_network, "PriorNetwork", Recorder)
    codes = np.random.default_rng(0).normal(0, 3, (2, 3, 90, 70)).astype(np.float32)
    prior_network.train_prior_network(codes, np.ones((1, 3), np.float32), 3, 0, tmp_path / "state", "", silent)
    assert {shape[0] for shape in shapes} == {1}
    assert all(0.9 * POSITIONS < shape[2] * shape[3] <= POSITIONS for shape in shapes)
