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
SMALLEST = 1e-6
"""Deviation of codes that are all equal, so that other codes are far from them, not infinitely far."""


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
    analysis = PCA(directions, svd_solver="covariance_eigh" if few else "randomized", random_state=seed)
    with np.errstate(invalid="ignore"):  # vectors that are all equal
        analysis.fit(precise)
    shrinkage = ledoit_wolf_shrinkage(analysis.transform(precise), assume_centered=True)
    variances = np.maximum(analysis.explained_variance_, 0)
    average = max(float(variances.mean()), SMALLEST**2)
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
        ValueError: they have other dimensions than those it was fitted on, or it is nothing that was fitted.
    """
    mean, directions, deviations, rest = (whitening[name] for name in ("mean", "directions", "deviations", "rest"))
    _check(vectors.shape[1], whitening)
    centred = vectors - mean
    along = centred @ directions.T  # (N, K)
    other_than_rest = 1 / deviations - 1 / rest  # (K,)
    return (centred / rest + (along * other_than_rest) @ directions).astype(np.float32, copy=False)


def _check(dimensions: int, whitening: Mapping[str, NDArray[np.float32]]) -> None:
    """See that no shape is broadcast, and that nothing is divided by 0."""
    count = whitening["deviations"].size
    shapes = {"mean": (dimensions,), "directions": (count, dimensions), "deviations": (count,), "rest": (1,)}
    for name, shape in shapes.items():
        if whitening[name].shape != shape:
            raise ValueError(f"{name} of shape {whitening[name].shape}, not {shape}")
    for name in ("deviations", "rest"):
        if not (whitening[name] > 0).all():
            raise ValueError(f"{name} that are not greater than 0")
