"""Euclidean distance of points to the nearest of a set of reference points of normal images."""

import numpy as np
from numpy.typing import NDArray

from aecli.analyses import neighbors

MAX_REFERENCES = 10_000
MAX_REFERENCE_BYTES = 64 << 20
"""Limits of what a detector keeps: more references change its scores little and make its file slow to load."""


def references(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return the (N, D) points, or a random subset in their order if there are more than a detector keeps."""
    count = max(1, min(MAX_REFERENCES, MAX_REFERENCE_BYTES // (4 * points.shape[1])))
    if len(points) <= count:
        return points.copy()
    indices = np.sort(np.random.default_rng(seed).choice(len(points), count, replace=False))
    subset: NDArray[np.float32] = points[indices]
    return subset


def distances(points: NDArray[np.float32], normal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance from each of the (N, D) points to the nearest of the (M, D) normal points, (N,).

    Raises:
        ValueError: the dimensions differ, or there is no normal point.
    """
    if normal.ndim != 2 or not len(normal) or normal.shape[1] != points.shape[1]:
        raise ValueError(f"references of shape {normal.shape} for points of shape {points.shape}")
    indices = neighbors.NeighborSearch(normal, points).nearest(1)[:, 0]
    lengths: NDArray[np.float32] = np.linalg.norm(points - normal[indices], axis=1)
    return lengths


def nearest_others(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the index of the nearest other point for each of the (N, D) points, (N,); 0 for a single point."""
    if len(points) < 2:
        return np.zeros(len(points), np.int64)
    return neighbors.nearest_others(points, 1)[:, 0]
