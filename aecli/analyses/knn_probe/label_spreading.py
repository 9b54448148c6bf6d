"""Label spreading: a few labels spread over the neighbor graph of all codes (Zhou et al., 2004).

It minimizes the same function as scikit-learn's `LabelSpreading`. scikit-learn builds the graph for each set of labels
and iterates; here, one graph serves all draws of labels, and conjugate gradients solve many draws at once. The tests
compare both.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aecli.analyses.knn_probe.options import SPREADING_ALPHA
from aecli.analyses.neighbors import nearest_others
from aecli.runtime.threads import parallel_for

COLUMNS = 100
"""Columns, one for each class of each draw, that are solved together; bounds memory."""
TOLERANCE = 1e-5
"""Norm of the residual of a solution, relative to that of the labels."""
MAX_STEPS = 1000


def neighbor_graph(features: NDArray[np.float32], neighbors: int) -> Any:
    """Return the sparse (N, N) adjacency matrix of (N, D) features: 1 if either is among the nearest of the other."""
    neighbors = min(neighbors, len(features) - 1)
    found = nearest_others(features, neighbors)
    indices = np.repeat(np.arange(len(found)), neighbors)
    graph = sparse.csr_array(
        (np.ones(len(indices), np.float32), (indices, found.ravel())), shape=(len(found), len(found))
    )
    return graph.maximum(graph.T).tocsr()


def normalized(graph: Any) -> Any:
    """Return D^-1/2 A D^-1/2 for the adjacency matrix A, where D is the diagonal matrix of the degrees."""
    scale = sparse.diags_array(1 / np.sqrt(graph.sum(axis=1)))
    return (scale @ graph @ scale).tocsr()


def spread(
    graph: Any,
    labels: NDArray[np.int64],
    draws: Sequence[NDArray[np.int64]],
    classes: int,
    alpha: float = SPREADING_ALPHA,
) -> NDArray[np.int64]:
    """Return the predicted classes of all N codes for each draw of labeled codes, (draws, N).

    Args:
        graph: (N, N) normalized graph.
        labels: Classes of the first codes, 0 to `classes` - 1; only those in `draws` are read.
        draws: The indices of the labeled codes, for each draw.
        classes: The number of classes.
        alpha: The weight of the neighbors' labels relative to a code's own label.
    """
    draws_at_once = max(1, COLUMNS // classes)
    predicted = np.zeros((len(draws), graph.shape[0]), np.int64)

    def solve(start: int) -> None:
        batch = draws[start : start + draws_at_once]
        known = np.zeros((graph.shape[0], len(batch), classes), np.float32)
        for number, indices in enumerate(batch):
            known[indices, number, labels[indices]] = 1
        solution = _solve(graph, known.reshape(len(known), -1), alpha)
        predicted[start : start + draws_at_once] = solution.reshape(known.shape).argmax(axis=2).T

    parallel_for(solve, range(0, len(draws), draws_at_once))
    return predicted


def _solve(graph: Any, known: NDArray[np.float32], alpha: float) -> NDArray[np.float32]:
    """Return the solution X of (I - alpha graph) X = known, by conjugate gradients for each column."""
    solution = np.zeros_like(known)
    residual = known.copy()
    direction = known.copy()
    squares = _column_squares(residual)
    tolerance = TOLERANCE**2 * squares
    for _ in range(MAX_STEPS):
        product = direction - alpha * (graph @ direction)
        step = _ratio(squares, np.einsum("nc,nc->c", direction, product))
        solution += step * direction
        residual -= step * product
        before, squares = squares, _column_squares(residual)
        if (squares <= tolerance).all():
            break
        direction *= _ratio(squares, before)
        direction += residual
    return solution


def _column_squares(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("nc,nc->c", columns, columns)
    return squares


def _ratio(numerator: NDArray[np.float32], denominator: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide elementwise; 0 for a column that is solved or has no label."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
