"""Summaries of the maps of normal images, for the color scale of heatmaps."""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import NormalMaps

HIGH = 0.99
"""Fraction of the values, and of the images, that are below the upper levels of `NormalMaps`."""
MOST_VALUES = 4_000_000
"""The most values of maps whose quantiles are computed; of more, every k-th one is used."""
BINS_PER_LEVEL = 10


def summarize_maps(maps: NDArray[np.float32]) -> NormalMaps:
    """Return the summary of the maps of normal images, (N, h, w), or (N,) objects of different sizes."""
    largest = np.array([one.max() for one in maps], np.float32)
    flat = np.concatenate([one.ravel() for one in maps]) if maps.dtype == object else maps.reshape(-1)
    median, high = (float(value) for value in np.quantile(flat[:: max(1, len(flat) // MOST_VALUES)], [0.5, HIGH]))
    return NormalMaps(median, high, _highest(largest, high))


class ErrorMapSummary:
    """Summarizes error maps that arrive in batches, in bins of a tenth of a gray level."""

    def __init__(self) -> None:
        self._counts = np.zeros(255 * BINS_PER_LEVEL + 1, np.int64)
        self._largest: list[NDArray[np.float32]] = []

    def add(self, error_maps: NDArray[np.float32]) -> None:
        """Add error maps in gray levels, (N, H, W) in 0..255."""
        bins = (np.clip(error_maps, 0, 255) * BINS_PER_LEVEL).astype(np.int64)
        self._counts += np.bincount(bins.ravel(), minlength=len(self._counts))
        self._largest.append(error_maps.reshape(len(error_maps), -1).max(1))

    def result(self) -> NormalMaps:
        """Return the summary of all maps; there must be at least one."""
        median, high = (self._quantile(probability) for probability in (0.5, HIGH))
        return NormalMaps(median, high, _highest(np.concatenate(self._largest), high))

    def _quantile(self, probability: float) -> float:
        """Return the upper end of the bin that holds the quantile."""
        below = np.cumsum(self._counts)
        return float(np.searchsorted(below, probability * below[-1]) + 1) / BINS_PER_LEVEL


def _highest(largest: NDArray[np.float32], high: float) -> float:
    """Return the quantile of the largest values, (N,); rounding never puts it below `high`."""
    return max(high, float(np.quantile(largest, HIGH)))
