"""Pixels to normalized units and back, without a level lost."""

import pytest
import torch

from aecli.models.autoencoder import Autoencoder


def model(mean: list[float], std: list[float]) -> Autoencoder:
    return Autoencoder("mlp", (len(mean), 16, 16), {"hidden": [], "code": 2}, mean, std)


@pytest.mark.parametrize(
    ("mean", "std"), [([0.1307], [0.3081]), ([0.5], [1 / 255]), ([0.0], [1.0]), ([0.485, 0.456, 0.406], [0.2] * 3)]
)
def test_every_level_comes_back(mean: list[float], std: list[float]) -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, len(mean), 1, 1)
    ours = model(mean, std)
    assert torch.equal(ours.denormalize(ours.normalize(levels)), levels)
    assert levels.dtype == torch.uint8


def test_normalized_pixels_are_the_textbooks() -> None:
    ours = model([0.1307], [0.3081])
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = (levels.double() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(ours.normalize(levels).double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.black.flatten(), torch.tensor([-0.1307 / 0.3081]))
    assert ours.normalize(levels).dtype == torch.float32


def test_what_is_out_of_range_is_clamped() -> None:
    ours = model([0.5], [0.25])
    x = torch.full((1, 1, 16, 16), 1e4)
    assert ours.denormalize(x).eq(255).all()
    assert ours.denormalize(-x).eq(0).all()
