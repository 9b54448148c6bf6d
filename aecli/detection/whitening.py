"""Whitening of normal codes: coordinates in which Euclidean distance is Mahalanobis distance.

The covariance is shrunk toward a multiple of the identity by the amount of Ledoit and Wolf, "A well-conditioned
estimator for large-dimensional covariance matrices", 2004, because the sample covariance has no inverse if there are
fewer codes than dimensions, or units that are never active. Codes with more than 512 units are described by their
principal components, with shrinkage among these, and one common variance in all other directions, as in Tipping and
Bishop, "Probabilistic principal component analysis", 1999.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MAX_DIRECTIONS = 512
MIN_DEVIATION = 1e-6
"""Standard deviation assumed for codes that are all equal, so that the distance of other codes is large but finite."""


def fit_whitening(vectors: NDArray[np.float32], seed: int) -> dict[str, NDArray[np.float32]]:
    """Return the statistics that `whiten` uses, from (N, D) vectors.

    These are the `mean` (D,), `directions` (K, D), the standard `deviations` (K,) along them, and `rest` (1,), the
    standard deviation along any other direction.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centered = vectors - mean
    if vectors.shape[1] <= MAX_DIRECTIONS:
        variances, directions = _all_directions(centered)
        rest_variance = float(variances.min())
    else:
        variances, directions, rest_variance = _principal_directions(centered, seed)
    smallest = max(MIN_DEVIATION**2, 1e-8 * variances.max())
    deviations = np.sqrt(np.maximum(np.append(variances, rest_variance), smallest))
    statistics = {"mean": mean, "directions": directions, "deviations": deviations[:-1], "rest": deviations[-1:]}
    return {name: array.astype(np.float32) for name, array in statistics.items()}


def _all_directions(centered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shrunk variances, (D,), and the directions, (D, D), of (N, D) vectors with mean 0."""
    from sklearn.covariance import ledoit_wolf

    if len(centered) == 1:  # shrinking completely to no variance
        return np.zeros(centered.shape[1]), np.eye(centered.shape[1])
    covariance, _ = ledoit_wolf(centered, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    return variances, directions.T


def _principal_directions(
    centered: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the shrunk variances, (K,), and directions, (K, D), of the principal components, and the rest's variance.

    `centered` are (N, D) vectors with mean 0. The third value is the variance along any other direction.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.decomposition import PCA

    count, dimensions = centered.shape
    if count == 1:
        return np.zeros(1), np.eye(1, dimensions), 0.0
    components = max(1, min(MAX_DIRECTIONS, count - 1))
    with np.errstate(invalid="ignore"):  # PCA divides 0 by 0 if all vectors are equal
        pca = PCA(components, svd_solver="randomized", random_state=seed).fit(centered)
    variances = np.maximum(pca.explained_variance_.astype(np.float64), 0)
    total = float(np.square(centered, dtype=np.float64).sum()) / max(count - 1, 1)
    rest_variance = max(total - float(variances.sum()), 0.0) / (dimensions - components)
    shrinkage = float(ledoit_wolf_shrinkage(pca.transform(centered), assume_centered=True))
    average = float(variances.mean())
    shrunk = (1 - shrinkage) * np.append(variances, rest_variance) + shrinkage * average
    return shrunk[:-1], pca.components_, float(shrunk[-1])


def whiten(vectors: NDArray[np.float32], whitening: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the (N, D) vectors in the coordinates of `fit_whitening`, (N, D) float32.

    Raises:
        KeyError: a statistic is missing.
        ValueError: the statistics have shapes that do not fit D, or deviations that are not positive.
    """
    mean, directions, deviations, rest = (whitening[name] for name in ("mean", "directions", "deviations", "rest"))
    _check(vectors.shape[1], whitening)
    centered = vectors - mean
    along = centered @ directions.T  # (N, K)
    other_than_rest = 1 / deviations - 1 / rest  # (K,)
    return (centered / rest + (along * other_than_rest) @ directions).astype(np.float32, copy=False)


def _check(dimensions: int, whitening: Mapping[str, NDArray[np.float32]]) -> None:
    """Check shapes and signs, as damaged statistics could otherwise be broadcast or divided by without an error."""
    count = whitening["deviations"].size
    shapes = {"mean": (dimensions,), "directions": (count, dimensions), "deviations": (count,), "rest": (1,)}
    for name, shape in shapes.items():
        if whitening[name].shape != shape:
            raise ValueError(f"{name} of shape {whitening[name].shape}, not {shape}")
    for name in ("deviations", "rest"):
        if not (whitening[name] > 0).all():
            raise ValueError(f"{name} that are not positive")
