"""How near images are to those that they stand for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

LARGEST = 255.0
SIGMA, TRUNCATE = 1.5, 3.5
"""The Gaussian window of SSIM: 11 pixels wide."""
WINDOW = (0, 0, SIGMA, SIGMA)
K1, K2 = 0.01, 0.03


@dataclass(frozen=True)
class ImageQuality:
    """Means over a set of images."""

    mse: float
    """Mean squared error of pixels in 0..255."""
    psnr: float
    """Peak signal-to-noise ratio in dB, of that mean error; infinite for equal images."""
    ssim: float
    """Structural similarity, 1 for equal images."""


def image_quality(images: NDArray[np.uint8], restored: NDArray[np.uint8]) -> ImageQuality:
    """Compare two sets of images, both (N, C, H, W) uint8."""
    if np.array_equal(images, restored):
        return ImageQuality(0.0, float("inf"), 1.0)
    squared = similarity = 0.0
    for start in range(0, len(images), 1024):
        first = images[start : start + 1024].astype(np.float32)
        second = restored[start : start + 1024].astype(np.float32)
        squared += float(np.square(first - second).mean(axis=(1, 2, 3), dtype=np.float64).sum())
        similarity += float(ssim(first, second).sum())
    mse = squared / len(images)
    return ImageQuality(mse, float(10 * np.log10(LARGEST**2 / mse)), similarity / len(images))


def ssim(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the structural similarity of each pair of images, (N,).

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    2004: Gaussian window with sigma 1.5, K1 = 0.01, K2 = 0.03, mirrored at the edges; the mean over pixels and
    channels.

    Args:
        first: (N, C, H, W) float32 in 0..255.
        second: the same shape.
    """

    def blur(image: NDArray[np.float32]) -> NDArray[np.float32]:
        window = (0, 0, SIGMA, SIGMA)
        blurred: NDArray[np.float32] = gaussian_filter(image, window, mode="mirror", truncate=TRUNCATE)
        return blurred

    c1, c2 = (K1 * LARGEST) ** 2, (K2 * LARGEST) ** 2
    mean1, mean2 = blur(first), blur(second)
    variance1 = blur(first * first) - mean1 * mean1
    variance2 = blur(second * second) - mean2 * mean2
    covariance = blur(first * second) - mean1 * mean2
    luminance = (2 * mean1 * mean2 + c1) / (mean1 * mean1 + mean2 * mean2 + c1)
    structure = (2 * covariance + c2) / (variance1 + variance2 + c2)
    similarity: NDArray[np.float32] = (luminance * structure).mean(axis=(1, 2, 3))
    return similarity
