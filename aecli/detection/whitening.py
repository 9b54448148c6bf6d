"""Coordinates in which normal codes vary alike in all directions, so that Euclidean distance is Mahalanobis distance.

The covariance is shrunk towards a multiple of the identity by the amount of Ledoit and Wolf, "A well-conditioned
estimator for large-dimensional covariance matrices", 2004: with fewer codes than dimensions, or units that are never
active, the plain estimate has no inverse. Of large codes only the directions of most variance are told apart, the
others count alike, as in Tipping and Bishop, "Probabilistic principal component analysis", 1999.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIRECTIONS = 512


def fit_whitening(vectors: NDArray[np.float32], seed: int) -> dict[str, NDArray[np.float32]]:
    """Return what `whiten` needs, from (N, D) vectors.

    It is `mean` (D,), `directions` (K, D), the standard `deviations` (K,) along them, and `rest` (1,), that along any
    other direction.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.decomposition import PCA

    count, dimensions = vectors.shape
    directions = max(1, min(MOST_DIRECTIONS, dimensions, count - 1))
    few = dimensions <= MOST_DIRECTIONS
    precise: NDArray[Any] = vectors.astype(np.float64) if few else vectors
    analysis = PCA(directions, svd_solver="covariance_eigh" if few else "randomized", random_state=seed).fit(precise)
    shrinkage = ledoit_wolf_shrinkage(analysis.transform(precise), assume_centered=True)
    variances = np.maximum(analysis.explained_variance_, 0)
    average = max(float(variances.mean()), float(np.finfo(np.float32).tiny))
    left = 0.0 if directions == min(count - 1, dimensions) else float(analysis.noise_variance_)
    shrunk = (1 - shrinkage) * np.append(variances, left) + shrinkage * average
    deviations = np.sqrt(np.maximum(shrunk, 1e-8 * average))
    found = {
        "mean": analysis.mean_,
        "directions": analysis.components_,
        "deviations": deviations[:-1],
        "rest": deviations[-1:],
    }
    return {name: array.astype(np.float32) for name, array in found.items()}


def whiten(vectors: NDArray[np.float32], whitening: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the (N, D) vectors in the coordinates that `fit_whitening` found, (N, D) float32.

    Raises:
        ValueError: they have other dimensions than those it was fitted on.
    """
    directions, rest = whitening["directions"], whitening["rest"]
    if vectors.shape[1:] != whitening["mean"].shape:
        raise ValueError(f"vectors of shape {vectors.shape}, statistics for {whitening['mean'].shape}")
    centred = vectors - whitening["mean"]
    along = centred @ directions.T  # (N, K)
    other_than_rest = 1 / whitening["deviations"] - 1 / rest  # (K,)
    return (centred / rest + (along * other_than_rest) @ directions).astype(np.float32, copy=False)
