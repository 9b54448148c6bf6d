"""Metrics of the difference between images and their reconstructions.

SSIM is our own, because scikit-image is not a dependency and takes one image at a time, and torchmetrics needs torch.
The tests compare it with both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from aecli.codes.psnr import PEAK, psnr

SIGMA, TRUNCATE = 1.5, 3.5
"""The Gaussian window of SSIM; it is 11 pixels wide."""
RADIUS = round(TRUNCATE * SIGMA)
K1, K2 = 0.01, 0.03
MAX_VALUES = 1 << 20
"""The most values of images that are compared at once; there may be more in one row."""


@dataclass(frozen=True)
class ImageQuality:
    """Metrics of a set of images."""

    mse: float
    """Mean squared error of pixel values in 0..255."""
    psnr: float
    """Peak signal-to-noise ratio in dB, computed from `mse`; infinite for equal images."""
    ssim: float
    """Mean structural similarity; 1 for equal images."""


class QualitySum:
    """Adds up the errors of images block by block, of any sizes. All values weigh the same, as if it were one image."""

    def __init__(self) -> None:
        """Start without images."""
        self._values = 0
        self._squared = self._similarity = 0.0

    def add(self, images: NDArray[np.uint8], restored: NDArray[np.uint8]) -> None:
        """Add (N, C, H, W) images and their reconstructions."""
        self._values += images.size
        if np.array_equal(images, restored):
            self._similarity += images.size
            return
        count = max(1, MAX_VALUES // max(1, images[:1].size))
        for start in range(0, len(images), count):
            first, second = images[start : start + count], restored[start : start + count]
            for rows, halo in _strips(first.shape[2], first[:1, :, :1].size):
                self._add_rows(first[:, :, halo], second[:, :, halo], rows)

    def _add_rows(self, images: NDArray[np.uint8], restored: NDArray[np.uint8], rows: slice) -> None:
        first, second = images.astype(np.float32), restored.astype(np.float32)
        similarity = ssim_map(first, second)[:, :, rows]
        self._similarity += float(similarity.mean(dtype=np.float64)) * similarity.size
        self._squared += float(np.square(first[:, :, rows] - second[:, :, rows]).sum(dtype=np.float64))

    def quality(self) -> ImageQuality:
        """Return the metrics of all images so far, at least one."""
        if self._squared == 0:
            return ImageQuality(0.0, float("inf"), 1.0)
        mse = self._squared / self._values
        return ImageQuality(mse, psnr(mse), self._similarity / self._values)


def _strips(height: int, row_values: int) -> Iterator[tuple[slice, slice]]:
    """Yield strips of rows of bounded memory: the rows within a part of the image, and the rows of that part.

    A part has the rows around the strip that the window of SSIM covers, so that the strips join exactly.
    """
    count = max(1, MAX_VALUES // row_values)
    for start in range(0, height, count):
        top = max(0, start - RADIUS)
        yield slice(start - top, min(start + count, height) - top), slice(top, start + count + RADIUS)


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
