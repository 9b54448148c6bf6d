"""Metrics of the difference between images and their reconstructions.

SSIM is our own, because scikit-image is not a dependency and takes one image at a time, and torchmetrics needs torch.
The tests compare it with both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PEAK = 255.0
SIGMA, TRUNCATE = 1.5, 3.5
"""The Gaussian window of SSIM; it is 11 pixels wide."""
K1, K2 = 0.01, 0.03


@dataclass(frozen=True)
class ImageQuality:
    """Metrics of a set of images."""

    mse: float
    """Mean squared error of pixel values in 0..255."""
    psnr: float
    """Peak signal-to-noise ratio in dB, computed from `mse`; infinite for equal images."""
    ssim: float
    """Mean structural similarity; 1 for equal images."""


def image_quality(images: NDArray[np.uint8], restored: NDArray[np.uint8]) -> ImageQuality:
    """Compare (N, C, H, W) images with their reconstructions."""
    if np.array_equal(images, restored):
        return ImageQuality(0.0, float("inf"), 1.0)
    squared = similarity = 0.0
    for start in range(0, len(images), 1024):
        first = images[start : start + 1024].astype(np.float32)
        second = restored[start : start + 1024].astype(np.float32)
        squared += float(np.square(first - second).mean(axis=(1, 2, 3), dtype=np.float64).sum())
        similarity += float(ssim(first, second).sum())
    mse = squared / len(images)
    return ImageQuality(mse, float(10 * np.log10(PEAK**2 / mse)), similarity / len(images))


def ssim(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the structural similarity of each pair of images, (N,): the mean of `ssim_map`.

    Args:
        first: (N, C, H, W) in 0..255.
        second: (N, C, H, W) in 0..255.
    """
    similarity: NDArray[np.float32] = ssim_map(first, second).mean(axis=(1, 2, 3))
    return similarity


def ssim_map(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the structural similarity around each pixel of each pair of images, (N, C, H, W).

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    2004: Gaussian window with sigma 1.5, K1 = 0.01, K2 = 0.03, population variances; images are mirrored at the edges.

    Args:
        first: (N, C, H, W) in 0..255.
        second: (N, C, H, W) in 0..255.
    """
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    mean1, mean2 = _blur(first), _blur(second)
    variance1 = _blur(first * first) - mean1 * mean1
    variance2 = _blur(second * second) - mean2 * mean2
    covariance = _blur(first * second) - mean1 * mean2
    luminance = (2 * mean1 * mean2 + c1) / (mean1 * mean1 + mean2 * mean2 + c1)
    structure = (2 * covariance + c2) / (variance1 + variance2 + c2)
    similarity: NDArray[np.float32] = np.multiply(luminance, structure)
    return similarity


def _blur(images: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = gaussian_filter(images, (0, 0, SIGMA, SIGMA), mode="mirror", truncate=TRUNCATE)
    return blurred
