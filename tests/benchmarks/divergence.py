"""The KL divergence of points in the plane, in the same way for every program that placed them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist

ROWS = 512
"""Points whose distances to all others are in memory at once."""


def divergence(affinities: csr_matrix, plane: NDArray[Any]) -> float:
    """Return the KL divergence of (N, 2) points from their affinities, in nats, over all pairs in double precision.

    Args:
        affinities: Symmetric sparse (N, N) matrix whose sum is 1.
        plane: (N, 2)
    """
    plane = plane.astype(np.float64)
    total = -float(len(plane))  # without the points themselves
    for start in range(0, len(plane), ROWS):
        squares = cdist(plane[start : start + ROWS], plane, "sqeuclidean")
        squares += 1
        np.reciprocal(squares, out=squares)
        total += squares.sum()
    pairs = affinities.tocoo()
    kept = pairs.data > 0
    probability = pairs.data[kept]
    squares = ((plane[pairs.row[kept]] - plane[pairs.col[kept]]) ** 2).sum(axis=1)
    return float((probability * np.log(probability * (1 + squares) * total)).sum())
