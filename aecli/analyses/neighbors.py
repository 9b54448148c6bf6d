"""Exact nearest neighbors, in pieces that fit the processor's cache."""

import numpy as np
from numpy.typing import NDArray

from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import parallel_for

ROWS, COLUMNS = 512, 1024
"""Queries and points of a piece: 2 MiB of scores, which stay in the cache while they are searched."""


def euclidean(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return points and queries, (N, D + 1) and (M, D + 1), whose products q @ p order the points by distance from q.

    They are |p - q|^2 / 2 less what is the same for all points. All are centered on the mean of the training vectors,
    which changes no distance and keeps rounding small.
    """
    center = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    points = np.empty((len(train), train.shape[1] + 1), np.float32)
    queries = np.empty((len(test), test.shape[1] + 1), np.float32)
    np.subtract(train, center, out=points[:, :-1])
    np.subtract(center, test, out=queries[:, :-1])
    points[:, -1] = np.einsum("nd,nd->n", points[:, :-1], points[:, :-1]) / 2
    queries[:, -1] = 1
    return points, queries


def cosine(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the same for cosine distance, (N, D) and (M, D); a zero vector is at distance 1 from all."""
    return _normed(train), -_normed(test)


def _normed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.where(norms > 0, norms, 1)).astype(np.float32, copy=False)


def nearest(
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    neighbors: int,
    progress: Progress = silent,
    stage: str = "",
) -> NDArray[np.int64]:
    """Return the (M, neighbors) rows of the points with the least products with each query, the least first.

    Points and queries are what `euclidean` or `cosine` made. Exact up to the rounding of float32. Beside the arguments
    it takes some MiB for each processor.
    """
    rows = max(ROWS, ROWS * COLUMNS // len(points))
    if len(queries) <= rows:  # not worth a thread
        return _search(points, queries, neighbors)
    found = np.empty((len(queries), neighbors), np.int64)

    def search(start: int) -> None:
        found[start : start + rows] = _search(points, queries[start : start + rows], neighbors)

    def told(pieces: int) -> None:
        progress(stage, min(pieces * rows, len(queries)), len(queries))

    parallel_for(search, range(0, len(queries), rows), told)
    return found


def _search(points: NDArray[np.float32], queries: NDArray[np.float32], neighbors: int) -> NDArray[np.int64]:
    best = np.full((len(queries), neighbors), np.inf, np.float32)
    found = np.zeros((len(queries), neighbors), np.int64)
    buffer = np.empty((len(queries), min(COLUMNS, len(points))), np.float32)
    for start in range(0, len(points), COLUMNS):
        block = points[start : start + COLUMNS]
        scores = buffer[:, : len(block)]
        np.matmul(queries, block.T, out=scores)
        better = np.flatnonzero(scores.min(axis=1) < best[:, -1])  # after the first blocks these are few
        joined = np.concatenate([best[better], scores[better]], axis=1)
        least = _least(joined, neighbors)
        best[better] = np.take_along_axis(joined, least, axis=1)
        earlier = np.take_along_axis(found[better], np.minimum(least, neighbors - 1), axis=1)
        found[better] = np.where(least < neighbors, earlier, start + least - neighbors)
    return found


def _least(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    if count == 1:
        first: NDArray[np.int64] = scores.argmin(axis=1)
        return first[:, None]
    picked = np.argpartition(scores, count - 1, axis=1)[:, :count]
    order = np.take_along_axis(scores, picked, axis=1).argsort(axis=1)
    return np.take_along_axis(picked, order, axis=1)
