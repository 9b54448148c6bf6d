"""Means of maps over square blocks."""

import numpy as np
from numpy.typing import NDArray


def block_means(maps: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the means of blocks of side x side values of (N, H, W); the last blocks may be smaller."""
    if side == 1:
        return maps
    rows, columns = (np.arange(0, length, side) for length in maps.shape[1:])
    sums = np.add.reduceat(np.add.reduceat(maps.astype(np.float64), rows, axis=1), columns, axis=2)
    heights, widths = np.diff(np.append(rows, maps.shape[1])), np.diff(np.append(columns, maps.shape[2]))
    means: NDArray[np.float32] = (sums / np.outer(heights, widths)).astype(np.float32)
    return means
