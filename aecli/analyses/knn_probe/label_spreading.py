"""Label spreading: few labels flow over the graph of all codes (Zhou et al., 2004).

The same function as scikit-learn's LabelSpreading, but its graph is made once for all draws, and all draws are
solved at once, by conjugate gradients, where scikit-learn repeats a product until little changes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aecli.analyses.knn_probe.options import SPREADING_ALPHA
from aecli.analyses.neighbors import euclidean, nearest
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import parallel_for

COLUMNS = 100
"""Classes of draws that are solved together: bounds memory."""
TOLERANCE = 1e-5
"""Norm of the residual of a solution, over that of the labels."""
MAX_STEPS = 1000


def neighbor_graph(features: NDArray[np.float32], neighbors: int, progress: Progress = silent, stage: str = "") -> Any:
    """Return the adjacency of (N, D) features, sparse (N, N): 1 where either is among the nearest of the other."""
    points, queries = euclidean(features, features)
    neighbors = min(neighbors, len(features) - 1)
    found = nearest(points, queries, neighbors + 1, progress, stage)
    others = found != np.arange(len(found))[:, None]
    others[others.all(axis=1), -1] = False  # one of many equal to itself was found instead
    indices = np.repeat(np.arange(len(found)), neighbors)
    graph = sparse.csr_array(
        (np.ones(len(indices), np.float32), (indices, found[others])), shape=(len(found), len(found))
    )
    return graph.maximum(graph.T).tocsr()


def normalized(graph: Any) -> Any:
    """Return D^-1/2 A D^-1/2 of an adjacency A, where D holds the degrees."""
    scale = sparse.diags_array(1 / np.sqrt(graph.sum(axis=1)))
    return (scale @ graph @ scale).tocsr()


def spread(
    flow: Any,
    labels: NDArray[np.int64],
    draws: Sequence[NDArray[np.int64]],
    classes: int,
    alpha: float = SPREADING_ALPHA,
) -> NDArray[np.int64]:
    """Return the (draws, N) classes of all N codes, when of the labels only those in the indices of a draw are known.

    Args:
        flow: the normalized graph, (N, N).
        labels: of the first codes, 0 to `classes` - 1; those of no draw are not looked at.
        draws: indices that are labeled, for each draw.
        classes: how many there are.
        alpha: the share of a label that comes from the neighbors.
    """
    together = max(1, COLUMNS // classes)
    found = np.zeros((len(draws), flow.shape[0]), np.int64)

    def solve(start: int) -> None:
        some = draws[start : start + together]
        known = np.zeros((flow.shape[0], len(some), classes), np.float32)
        for number, indices in enumerate(some):
            known[indices, number, labels[indices]] = 1
        spread_out = _solve(flow, known.reshape(len(known), -1), alpha)
        found[start : start + together] = spread_out.reshape(known.shape).argmax(axis=2).T

    parallel_for(solve, range(0, len(draws), together))
    return found


def _solve(flow: Any, known: NDArray[np.float32], alpha: float) -> NDArray[np.float32]:
    """Return X of (I - alpha flow) X = known, by conjugate gradients for each column."""
    solution = np.zeros_like(known)
    residual = known.copy()
    direction = known.copy()
    squares = _column_squares(residual)
    enough = TOLERANCE**2 * squares
    for _ in range(MAX_STEPS):
        product = direction - alpha * (flow @ direction)
        step = _ratio(squares, np.einsum("nc,nc->c", direction, product))
        solution += step * direction
        residual -= step * product
        before, squares = squares, _column_squares(residual)
        if (squares <= enough).all():
            break
        direction *= _ratio(squares, before)
        direction += residual
    return solution


def _column_squares(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("nc,nc->c", columns, columns)
    return squares


def _ratio(above: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide; 0 where a column is solved, or has no label."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
