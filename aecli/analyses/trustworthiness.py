"""Trustworthiness of points in the plane (Venna and Kaski, Neural Networks 19, 2006), by any method of embedding."""

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.neighbors import nearest_others

NEIGHBORS = 5
"""Neighbors in the plane, as in scikit-learn's `trustworthiness`."""
MAX_POINTS = 1000
"""Points whose neighbors are examined: a random sample of more, always the same. Their ranks are among all points."""
BLOCK = 128
"""Points whose distances to all others are in memory at once."""


def trustworthiness(
    vectors: NDArray[np.float32], plane: NDArray[np.float32], metric: str = "euclidean"
) -> float | None:
    """Return how far the neighbors of points in the plane are neighbors by code, too: 1 if all of them are.

    0.5 is about what random points reach. None if there are too few points for a result.

    Args:
        vectors: (N, D) codes.
        plane: (N, 2) their points.
        metric: The distance of codes; a name of scipy's `cdist`, or "manhattan".
    """
    from scipy.spatial.distance import cdist

    count = len(vectors)
    neighbors = min(NEIGHBORS, (count - 2) // 2)
    if neighbors < 1:
        return None
    examined = np.arange(count)
    if count > MAX_POINTS:
        examined = np.sort(np.random.default_rng(0).permutation(count)[:MAX_POINTS])
    near = nearest_others(_centered(plane).astype(np.float32), neighbors, chosen=examined)  # (M, neighbors)
    scaled = _centered(vectors) if metric == "euclidean" else vectors.astype(np.float64)
    scaled = scaled / (np.abs(scaled).max() or 1.0)
    excess = 0
    for start in range(0, len(examined), BLOCK):
        block = examined[start : start + BLOCK]
        distances = cdist(scaled[block], scaled, "cityblock" if metric == "manhattan" else metric)
        distances = np.nan_to_num(distances, nan=1.0)  # the cosine distance of a zero vector
        distances[np.arange(len(block)), block] = -1  # the point itself has rank 0
        to_near = np.take_along_axis(distances, near[start : start + BLOCK], axis=1)
        for column in range(neighbors):
            ranks = (distances < to_near[:, column, None]).sum(axis=1)
            excess += int(np.maximum(ranks - neighbors, 0).sum())
    worst = len(examined) * neighbors * (2 * count - 3 * neighbors - 1) / 2
    return 1 - excess / worst


def _centered(points: NDArray[np.float32]) -> NDArray[np.float64]:
    centered: NDArray[np.float64] = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    return centered
