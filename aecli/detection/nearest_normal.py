"""How far points are from the nearest one of normal images."""

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.neighbors import euclidean, nearest

MOST_REFERENCES = 10_000
MOST_REFERENCE_BYTES = 64 << 20
"""Normal images that a detector keeps: more of them change little and make it slow to load."""


def references(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return as many of the (N, D) points as a detector keeps, drawn by the seed, in their order."""
    most = max(1, min(MOST_REFERENCES, MOST_REFERENCE_BYTES // (4 * points.shape[1])))
    if len(points) <= most:
        return points.copy()
    drawn: NDArray[np.float32] = points[np.sort(np.random.default_rng(seed).choice(len(points), most, replace=False))]
    return drawn


def distances(points: NDArray[np.float32], normal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of each of the (N, D) points from the nearest of the (M, D) normal ones, (N,).

    Raises:
        ValueError: they have not the same dimensions.
    """
    if normal.ndim != 2 or not len(normal) or normal.shape[1] != points.shape[1]:
        raise ValueError(f"references of shape {normal.shape} for points of shape {points.shape}")
    found = nearest(*euclidean(normal, points), 1)[:, 0]
    apart: NDArray[np.float32] = np.linalg.norm(points - normal[found], axis=1)
    return apart


def nearest_others(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return for each of the (N, D) points the row of the nearest other one, (N,); its own where there is no other."""
    if len(points) < 2:
        return np.zeros(len(points), np.int64)
    found = nearest(*euclidean(points, points), 2)
    itself = found[:, 0] == np.arange(len(points))  # of equal points, another one may come first
    return np.where(itself, found[:, 1], found[:, 0])
