"""MSE, PSNR and SSIM, compared with torchmetrics and scikit-image."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from aecli.analyses.compression.image_quality import ImageQuality, QualitySum, ssim, ssim_map

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
EDGE = 5
"""Half of the SSIM window. Libraries treat the edges of images differently, so only the interior is compared."""


@pytest.fixture
def pair() -> Pair:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 3, 20, 24), dtype=np.uint8)
    noisy = np.clip(images + random.normal(scale=25, size=images.shape), 0, 255).astype(np.uint8)
    return images, noisy


def image_quality(images: NDArray[np.uint8], restored: NDArray[np.uint8]) -> ImageQuality:
    total = QualitySum()
    total.add(images, restored)
    return total.quality()


def quantized_patterns(step: int) -> Pair:
    """Return three 32x40 patterns as one color image, (3, 32, 40), and the same rounded to multiples of `step`."""
    row, column = np.mgrid[:32, :40]
    patterns = [(7 * row + 3 * column) % 256, (row * column) % 256, (row**2 + column**2) // 10]
    image = np.stack(patterns).astype(np.uint8)
    return image, (image // step * step + step // 2).astype(np.uint8)


def interior_ssim(image: NDArray[np.uint8], restored: NDArray[np.uint8]) -> float:
    similarity = ssim_map(image[None].astype(np.float32), restored[None].astype(np.float32))
    return float(similarity[..., EDGE:-EDGE, EDGE:-EDGE].mean())


def test_psnr_and_ssim_equal_those_of_torchmetrics(pair: Pair) -> None:
    images, noisy = pair
    ours = image_quality(images, noisy)
    first, second = (torch.from_numpy(array).float() for array in pair)
    assert ours.psnr == pytest.approx(float(peak_signal_noise_ratio(second, first, data_range=255.0)), rel=1e-4)
    _, similarity = structural_similarity_index_measure(
        second, first, data_range=255.0, reduction="none", return_full_image=True
    )
    expected = similarity.mean(dim=(1, 2, 3)).numpy()
    assert ssim(images.astype(np.float32), noisy.astype(np.float32)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "channels", "expected"),
    [
        (8, 1, 0.986133),
        (8, 3, 0.984888),
        (32, 1, 0.818684),
        (32, 3, 0.833133),
        (96, 1, 0.471718),
        (96, 3, 0.581777),
    ],
)
def test_ssim_equals_values_computed_by_scikit_image(step: int, channels: int, expected: float) -> None:
    """The values are those of `structural_similarity` of scikit-image 0.26.0 with the parameters of the next test."""
    image, restored = quantized_patterns(step)
    assert interior_ssim(image[:channels], restored[:channels]) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("step", [8, 32, 96])
def test_ssim_equals_that_of_scikit_image(step: int) -> None:
    metrics: Any = pytest.importorskip("skimage.metrics")
    image, restored = quantized_patterns(step)
    expected = metrics.structural_similarity(
        image,
        restored,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=0,
    )
    assert interior_ssim(image, restored) == pytest.approx(expected, abs=2e-6)


def test_equal_images_are_perfect(pair: Pair) -> None:
    quality = image_quality(pair[0], pair[0])
    assert (quality.mse, quality.psnr, quality.ssim) == (0, float("inf"), 1)


@pytest.mark.parametrize("side", [1, 3, 8])
def test_images_smaller_than_the_window_have_metrics(side: int) -> None:
    images = np.zeros((2, 1, side, side), np.uint8)
    quality = image_quality(images, images + np.uint8(10))
    assert quality.mse == 100
    assert 0 < quality.ssim < 1


def test_strips_of_a_large_image_join_exactly(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = image_quality(*pair)
    monkeypatch.setattr("aecli.analyses.compression.image_quality.MAX_VALUES", 500)
    strips = image_quality(*pair)
    assert (strips.mse, strips.psnr, strips.ssim) == pytest.approx((whole.mse, whole.psnr, whole.ssim), rel=1e-6)


def test_images_of_several_sizes_weigh_by_their_pixels(pair: Pair) -> None:
    images, noisy = pair
    total = QualitySum()
    total.add(images, noisy)
    total.add(images[:1, :, :5], images[:1, :, :5])
    assert total.quality().mse == pytest.approx(image_quality(images, noisy).mse * 24 / 25)
    one = QualitySum()
    one.add(images, images)
    assert one.quality().psnr == float("inf")
