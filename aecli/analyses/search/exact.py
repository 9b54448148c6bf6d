"""Exact search, in parts of the codes, so that memory does not grow with their number."""

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.neighbors import NeighborSearch
from aecli.analyses.search.options import Metric
from aecli.analyses.search.ranking import nearest_first, rank
from aecli.runtime.progress import Progress, silent

PART_VALUES = 1 << 24
"""Values of the codes that are searched at once: 64 MiB as float32."""
SPARE = 8
"""Further candidates whose distances are computed in float64: those of `NeighborSearch` are rounded."""


def search_exactly(
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    count: int,
    metric: Metric = "euclidean",
    progress: Progress = silent,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the indices of the `count` nearest of (N, D) points to each of (M, D) queries, and their distances.

    Both are (M, count), the nearest first; of equal distances, the smaller index. `count` is at most N.
    """
    part = max(PART_VALUES // points.shape[1], 1)
    indices = np.empty((len(queries), 0), np.int64)
    distances = np.empty((len(queries), 0))
    for start in range(0, len(points), part):
        here = points[start : start + part]

        def report(stage: str, done: int, total: int, start: int = start, size: int = len(here)) -> None:
            progress(stage, (start * total + done * size) // len(points), total)

        candidates = NeighborSearch(here, queries, metric).nearest(
            min(count + SPARE, len(here)), progress=report, stage="searching queries"
        )
        found, found_distances = rank(here, queries, candidates, count, metric)
        indices, distances = nearest_first(
            np.concatenate([indices, found + start], axis=1),
            np.concatenate([distances, found_distances], axis=1),
            count,
        )
    return indices, distances
