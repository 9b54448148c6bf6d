"""Coordinates in which normal codes vary alike in all directions, so that Euclidean distance is Mahalanobis distance.

The covariance is shrunk towards a multiple of the identity by the amount of Ledoit and Wolf, "A well-conditioned
estimator for large-dimensional covariance matrices", 2004: with fewer codes than dimensions, or units that are never
active, the plain estimate has no inverse. Of codes with more than 512 units only the directions of most variance are
told apart, by the shrinkage among them, and the others count alike, as in Tipping and Bishop, "Probabilistic principal
component analysis", 1999.
"""

from collections.abc import Mapping

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
    mean = vectors.mean(axis=0, dtype=np.float64)
    centered = vectors - mean
    if vectors.shape[1] <= MOST_DIRECTIONS:
        variances, directions = _all_directions(centered)
        left = float(variances.min())
    else:
        variances, directions, left = _first_directions(centered, seed)
    smallest = max(SMALLEST**2, 1e-8 * variances.max())
    deviations = np.sqrt(np.maximum(np.append(variances, left), smallest))
    found = {"mean": mean, "directions": directions, "deviations": deviations[:-1], "rest": deviations[-1:]}
    return {name: array.astype(np.float32) for name, array in found.items()}


def _all_directions(centered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shrunk variances, (D,), and the directions, (D, D), of (N, D) vectors with mean 0."""
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(centered, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    return variances, directions.T


def _first_directions(
    centered: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the same for the K directions of most variance, and the variance along any other one."""
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.decomposition import PCA

    count, dimensions = centered.shape
    kept = max(1, min(MOST_DIRECTIONS, count - 1))
    with np.errstate(invalid="ignore"):  # vectors that are all equal
        analysis = PCA(kept, svd_solver="randomized", random_state=seed).fit(centered)
    variances = np.maximum(analysis.explained_variance_.astype(np.float64), 0)
    total = float(np.square(centered, dtype=np.float64).sum()) / max(count - 1, 1)
    left = max(total - float(variances.sum()), 0.0) / (dimensions - kept)
    shrinkage = float(ledoit_wolf_shrinkage(analysis.transform(centered), assume_centered=True))
    average = float(variances.mean())
    shrunk = (1 - shrinkage) * np.append(variances, left) + shrinkage * average
    return shrunk[:-1], analysis.components_, float(shrunk[-1])


def whiten(vectors: NDArray[np.float32], whitening: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the (N, D) vectors in the coordinates that `fit_whitening` found, (N, D) float32.

    Raises:
        ValueError: they have other dimensions than those it was fitted on, or it is nothing that was fitted.
    """
    mean, directions, deviations, rest = (whitening[name] for name in ("mean", "directions", "deviations", "rest"))
    _check(vectors.shape[1], whitening)
    centered = vectors - mean
    along = centered @ directions.T  # (N, K)
    other_than_rest = 1 / deviations - 1 / rest  # (K,)
    return (centered / rest + (along * other_than_rest) @ directions).astype(np.float32, copy=False)


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
