"""Every use of an undocumented part of openTSNE.

A new version may change these parts without notice: `tests/analyses/tsne/test_opentsne_internals.py` checks each one,
and `pyproject.toml` names the versions that were checked.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Gradient = Callable[[NDArray[np.float64], Any, float, bool], tuple[float, NDArray[np.float64]]]
"""(points (N, 2), affinities as a sparse (N, N) matrix, degrees of freedom, whether the divergence is needed) ->
the KL divergence, or 0 if it is not needed, and its gradient (N, 2)."""


def affinities(neighbors: NDArray[np.int64], distances: NDArray[np.float64], perplexity: float, workers: int) -> Any:
    """Return openTSNE's affinities of points whose (N, K) neighbors and distances are given.

    Their attribute `P` is a symmetric sparse (N, N) matrix whose sum is 1.
    """
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    index = PrecomputedNeighbors(neighbors, distances)
    return PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=workers)


def affinities_to_map(
    neighbors: NDArray[np.int64], distances: NDArray[np.float64], perplexity: float, points: int, workers: int
) -> Any:
    """Return openTSNE's affinities of new points to the `points` points of a map, a sparse (M, points) matrix.

    The (M, K) neighbors and distances are those among the points of the map. Each row sums to 1.
    """
    from openTSNE.affinity import joint_probabilities_nn

    return joint_probabilities_nn(
        neighbors,
        distances,
        [perplexity],
        symmetrize=False,
        normalization="point-wise",
        n_reference_samples=points,
        n_jobs=workers,
    )


def scale_start(points: NDArray[np.float64], seed: int) -> None:
    """Scale the initial (N, 2) points to a standard deviation of 1e-4, and separate equal points by noise, in place."""
    from openTSNE.initialization import jitter, rescale

    rescale(points, inplace=True)
    jitter(points, inplace=True, random_state=seed)


def as_negative_gradient_method(gradient: Gradient) -> Callable[..., tuple[float, NDArray[np.float64]]]:
    """Return the callable that `openTSNE.TSNEEmbedding` takes as `negative_gradient_method`."""

    def objective(
        embedding: Any,
        P: Any,  # noqa: N803
        dof: float = 1,
        should_eval_error: bool = False,
        **_: Any,
    ) -> tuple[float, NDArray[np.float64]]:
        return gradient(np.asarray(embedding), P, dof, should_eval_error)

    return objective


def add_attraction(
    gradient: NDArray[np.float64],
    points: NDArray[np.float64],
    affinities: Any,
    rows: slice,
    dof: float,
    with_divergence: bool,
) -> tuple[float, float]:
    """Add the attractive forces on the points in `rows` to `gradient`, (N, 2), in place.

    Returns:
        The sum of the affinities of these points, and their part of the divergence without the term log(sum of
        similarities); both 0 unless `with_divergence`.
    """
    from openTSNE import _tsne

    affinity_sum, divergence = _tsne.estimate_positive_gradient_nn(
        affinities.indices,
        affinities.indptr[rows.start : rows.stop + 1],
        affinities.data,
        points[rows],
        points,
        gradient[rows],
        dof,
        should_eval_error=with_divergence,
    )
    return affinity_sum, divergence
