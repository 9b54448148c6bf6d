"""Peak signal-to-noise ratio of images that were restored from codes."""

from math import inf, log10

import numpy as np
from numpy.typing import NDArray

PEAK = 255  # the largest gray level
MOST_PIXELS = 1 << 22
"""Pixels that are compared at once."""


def mean_squared_error(pixels: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Return the mean squared difference of two images, (C, H, W), in gray levels squared."""
    total, rows = 0.0, max(1, MOST_PIXELS // image.shape[2])
    for top in range(0, image.shape[1], rows):
        difference = pixels[:, top : top + rows].astype(np.float32) - image[:, top : top + rows]
        total += float(np.square(difference).sum(dtype=np.float64))
    return total / image.size


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a mean squared error in gray levels squared; inf without one."""
    return 10 * log10(PEAK**2 / mse) if mse else inf
