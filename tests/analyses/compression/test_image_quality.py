from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from aecli.analyses.compression.image_quality import image_quality, ssim


@pytest.fixture
def pair() -> tuple[NDArray[Any], NDArray[Any]]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 3, 20, 24), dtype=np.uint8)
    noisy = np.clip(images + random.normal(scale=25, size=images.shape), 0, 255).astype(np.uint8)
    return images, noisy


def test_the_figures_are_those_of_torchmetrics(pair) -> None:
    images, noisy = pair
    ours = image_quality(images, noisy)
    first, second = (torch.from_numpy(array).float() for array in pair)
    assert ours.psnr == pytest.approx(float(peak_signal_noise_ratio(second, first, data_range=255.0)), rel=1e-4)
    _, similarity = structural_similarity_index_measure(
        second, first, data_range=255.0, reduction="none", return_full_image=True
    )
    expected = similarity.mean(dim=(1, 2, 3)).numpy()
    assert ssim(images.astype(np.float32), noisy.astype(np.float32)) == pytest.approx(expected, abs=1e-3)


def test_equal_images_are_perfect(pair) -> None:
    quality = image_quality(pair[0], pair[0])
    assert (quality.mse, quality.psnr, quality.ssim) == (0, float("inf"), 1)


@pytest.mark.parametrize("side", [1, 3, 8])
def test_small_images_have_figures_too(side: int) -> None:
    images = np.zeros((2, 1, side, side), np.uint8)
    quality = image_quality(images, images + np.uint8(10))
    assert quality.mse == 100
    assert 0 < quality.ssim < 1
