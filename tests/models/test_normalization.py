"""Normalization of pixels is reversible for all levels."""

import pytest
import torch

from aecli.models.autoencoder import Autoencoder


def model(mean: list[float], std: list[float]) -> Autoencoder:
    return Autoencoder("mlp", (len(mean), 16, 16), {"hidden": [], "code": 2}, mean, std)


@pytest.mark.parametrize(
    ("mean", "std"), [([0.1307], [0.3081]), ([0.5], [1 / 255]), ([0.0], [1.0]), ([0.485, 0.456, 0.406], [0.2] * 3)]
)
def test_denormalization_restores_every_level(mean: list[float], std: list[float]) -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, len(mean), 1, 1)
    autoencoder = model(mean, std)
    assert torch.equal(autoencoder.denormalize(autoencoder.normalize(levels)), levels)
    assert levels.dtype == torch.uint8


def test_normalized_pixels_are_pixel_minus_mean_over_std() -> None:
    autoencoder = model([0.1307], [0.3081])
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = (levels.double() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(autoencoder.normalize(levels).double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(autoencoder.black.flatten(), torch.tensor([-0.1307 / 0.3081]))
    assert autoencoder.normalize(levels).dtype == torch.float32


def test_values_out_of_range_are_clamped() -> None:
    autoencoder = model([0.5], [0.25])
    x = torch.full((1, 1, 16, 16), 1e4)
    assert autoencoder.denormalize(x).eq(255).all()
    assert autoencoder.denormalize(-x).eq(0).all()
