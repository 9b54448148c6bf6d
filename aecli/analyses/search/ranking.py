"""Distances between vectors, computed from their differences."""

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.options import Metric

BLOCK_VALUES = 1 << 19
"""Values of the vectors that are compared at once: 4 MiB as float64, which stay in the cache."""


def pair_distances(
    points: NDArray[np.float32], queries: NDArray[np.float32], indices: NDArray[np.int64], metric: Metric
) -> NDArray[np.float64]:
    """Return the distance of each of (M, D) queries to the (N, D) points at its (M, K) indices, (M, K).

    The Euclidean distance is that of the differences in float64, so that equal vectors have distance 0 and others have
    not. The cosine distance is half of the squared distance of the vectors divided by their lengths, for the same
    reason; that of a vector of zeros is 1 to all vectors but itself.
    """
    distances = np.empty(indices.shape)
    block = max(1, BLOCK_VALUES // (indices.shape[1] * points.shape[1]))
    for start in range(0, len(queries), block):
        rows = slice(start, start + block)
        found = points[indices[rows]].astype(np.float64)  # (B, K, D)
        asked = queries[rows, None].astype(np.float64)  # (B, 1, D)
        if metric == "cosine":
            found, asked = _unit(found), _unit(asked)
        squares = np.square(found - asked).sum(axis=2)
        if metric == "cosine":
            distances[rows] = squares / 2
            one_is_zero = found.any(axis=2) != asked.any(axis=2)
            distances[rows][one_is_zero] = 1
        else:
            distances[rows] = np.sqrt(squares)
    return distances


def rank(
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    candidates: NDArray[np.int64],
    count: int,
    metric: Metric,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the `count` nearest of the (M, K) candidates of each query, and their distances, both (M, count).

    The nearest comes first; of equal distances, the smaller index.
    """
    return nearest_first(candidates, pair_distances(points, queries, candidates, metric), count)


def nearest_first(
    indices: NDArray[np.int64], distances: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the `count` smallest of (M, K) distances and their indices, in the order of `rank`."""
    order = np.lexsort((indices, distances), axis=1)[:, :count]
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)


def without_own(
    indices: NDArray[np.int64], distances: NDArray[np.float64], own: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (M, K) neighbors, and their distances, without the query's own index, (M,): both (M, K - 1).

    Where it is not among them, because there are more equal vectors than neighbors, the last one is left out.
    """
    is_other = indices != own[:, None]
    is_other[is_other.all(axis=1), -1] = False
    shape = len(indices), indices.shape[1] - 1
    return indices[is_other].reshape(shape), distances[is_other].reshape(shape)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1)
    return unit
