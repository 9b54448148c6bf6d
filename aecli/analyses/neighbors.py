"""Exact nearest neighbors.

`NeighborSearch` finds indices by blocks of float32 matrix products. For one neighbor among thousands of points, as in
the probe and in detection, it takes about half of the time of scikit-learn's `NearestNeighbors`, and a fourth with the
cosine distance. `nearest_with_distances` calls scikit-learn, which accumulates distances in float64, has more
metrics, and takes about half of the time for many Euclidean neighbors, as in t-SNE.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.runtime.progress import Progress, silent
from aecli.runtime.thread_count import thread_count
from aecli.runtime.threads import parallel_for

QUERY_BLOCK, POINT_BLOCK = 512, 1024
"""Queries and points per matrix product: 2 MiB of scores, which stay in the processor's cache during the search."""
QUERIES_PER_REPORT = 4096
"""Queries between two progress reports of a search by scikit-learn."""


class NeighborSearch:
    """A search for the nearest points of each query by Euclidean or cosine distance.

    Results are exact up to the rounding of float32. Besides the vectors, it takes a few MiB of memory per CPU.
    """

    def __init__(self, points: NDArray[np.float32], queries: NDArray[np.float32], metric: str = "euclidean"):
        """Prepare the search.

        Args:
            points: (N, D)
            queries: (M, D)
            metric: "euclidean" or "cosine". The cosine distance of a zero vector is 1 to all vectors.
        """
        prepare = {"euclidean": _for_euclidean, "cosine": _for_cosine}[metric]
        self._points, self._queries = prepare(points, queries)

    def nearest(
        self,
        count: int,
        subset: NDArray[np.int64] | None = None,
        progress: Progress = silent,
        stage: str = "neighbors",
    ) -> NDArray[np.int64]:
        """Return the indices of the `count` nearest points of each query, (M, count), the nearest first.

        With `subset`, (S,) indices of points, only these are searched, and the result holds indices into `subset`.
        """
        points = self._points if subset is None else self._points[subset]
        queries = self._queries
        block = max(QUERY_BLOCK, QUERY_BLOCK * POINT_BLOCK // len(points))
        if len(queries) <= block:  # too little work for threads
            return _search(points, queries, count)
        found = np.empty((len(queries), count), np.int64)

        def search_block(start: int) -> None:
            found[start : start + block] = _search(points, queries[start : start + block], count)

        def report(blocks: int) -> None:
            progress(stage, min(blocks * block, len(queries)), len(queries))

        parallel_for(search_block, range(0, len(queries), block), report)
        return found


def nearest_others(
    points: NDArray[np.float32],
    count: int,
    progress: Progress = silent,
    stage: str = "neighbors",
    *,
    chosen: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return the indices of the `count` nearest other points of each of (N, D) points, (N, count), the nearest first.

    With `chosen`, (M,) indices of points, only the neighbors of these are searched, among all points: (M, count). The
    distance is Euclidean. `count` must be less than N.
    """
    queries = points if chosen is None else points[chosen]
    found = NeighborSearch(points, queries).nearest(count + 1, progress=progress, stage=stage)
    itself = np.arange(len(points)) if chosen is None else chosen
    return found[_is_other(found, itself)].reshape(len(queries), count)


def nearest_others_with_distances(
    points: NDArray[np.float32], count: int, metric: str, progress: Progress = silent, stage: str = "neighbors"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the indices of the `count` nearest other points of each of (N, D) points, and their distances.

    Both are (N, count), the nearest first. `count` must be less than N. `metric` is one of scikit-learn's.
    """
    found, distances = nearest_with_distances(points, points, count + 1, metric, progress, stage)
    is_other = _is_other(found, np.arange(len(points)))
    shape = len(points), count
    return found[is_other].reshape(shape), distances[is_other].reshape(shape)


def nearest_with_distances(
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    count: int,
    metric: str,
    progress: Progress = silent,
    stage: str = "neighbors",
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the indices of the `count` nearest of (N, D) points to each of (M, D) queries, and their distances.

    Both are (M, count), the nearest first. `metric` is one of scikit-learn's.
    """
    import sklearn
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(metric=metric, n_jobs=thread_count()).fit(points)
    neighbors = np.empty((len(queries), count), np.int64)
    distances = np.empty((len(queries), count))
    with sklearn.config_context(working_memory=256):
        for start in range(0, len(queries), QUERIES_PER_REPORT):
            block = slice(start, start + QUERIES_PER_REPORT)
            distances[block], neighbors[block] = index.kneighbors(queries[block], count)
            progress(stage, min(block.stop, len(queries)), len(queries))
    return neighbors, distances


def _is_other(found: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of the neighbors, (M, count + 1), that is False once per query: at the query itself.

    A query with more than `count` duplicates may not be among its own neighbors; the last one is dropped then.
    """
    is_other: NDArray[np.bool_] = found != queries[:, None]
    is_other[is_other.all(axis=1), -1] = False
    return is_other


def _for_euclidean(
    points: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return vectors of D + 1 values for which the products q @ p sort the points by their distance to q.

    A product is |p - q|^2 / 2 minus a term that depends on q alone. Both sides are centered on the mean of the points,
    which changes no distance and keeps rounding errors small.
    """
    center = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    prepared_points = np.empty((len(points), points.shape[1] + 1), np.float32)
    prepared_queries = np.empty((len(queries), queries.shape[1] + 1), np.float32)
    np.subtract(points, center, out=prepared_points[:, :-1])
    np.subtract(center, queries, out=prepared_queries[:, :-1])
    prepared_points[:, -1] = np.einsum("nd,nd->n", prepared_points[:, :-1], prepared_points[:, :-1]) / 2
    prepared_queries[:, -1] = 1
    return prepared_points, prepared_queries


def _for_cosine(
    points: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return _unit_vectors(points), -_unit_vectors(queries)


def _unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32, copy=False)


def _search(points: NDArray[np.float32], queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the indices of the points with the smallest products with each query, (M, count), in ascending order."""
    best = np.full((len(queries), count), np.inf, np.float32)
    found = np.zeros((len(queries), count), np.int64)
    buffer = np.empty((len(queries), min(POINT_BLOCK, len(points))), np.float32)
    for start in range(0, len(points), POINT_BLOCK):
        block = points[start : start + POINT_BLOCK]
        scores = buffer[:, : len(block)]
        np.matmul(queries, block.T, out=scores)
        improved = np.flatnonzero(scores.min(axis=1) < best[:, -1])  # few after the first blocks
        candidates = np.concatenate([best[improved], scores[improved]], axis=1)
        smallest = _smallest(candidates, count)
        best[improved] = np.take_along_axis(candidates, smallest, axis=1)
        earlier = np.take_along_axis(found[improved], np.minimum(smallest, count - 1), axis=1)
        found[improved] = np.where(smallest < count, earlier, start + smallest - count)
    return found


def _smallest(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the columns of the `count` smallest scores of each row, in ascending order."""
    if count == 1:
        smallest: NDArray[np.int64] = scores.argmin(axis=1)
        return smallest[:, None]
    picked = np.argpartition(scores, count - 1, axis=1)[:, :count]
    order = np.take_along_axis(scores, picked, axis=1).argsort(axis=1)
    return np.take_along_axis(picked, order, axis=1)
