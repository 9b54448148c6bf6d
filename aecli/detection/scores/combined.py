"""Distance to the nearest normal image, by code and residual together.

Codes are whitened, so that each direction is weighted by how much it varies among normal images, and the logarithm of
the residual is added as one more coordinate. It is scaled so that residuals and codes contribute equally: the squared
distances between normal images and their nearest normal neighbors vary as much along it as along the whole code. No
anomalies are needed to choose this weight. A residual that is unusually small counts like one that is unusually large,
so simple images, which any autoencoder reconstructs well, do not pass as normal.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.nearest_normal import distances, nearest_others, references
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.detection.whitening import fit_whitening, whiten
from aecli.inference.model import ModelOutput

UNIT = "distance, standardized"
SUMMARY = "distance to the nearest normal image by whitened code and log residual"

SMALLEST = 1e-6
"""Lower bound of the residual, so that the logarithm of a perfect reconstruction's residual is finite."""


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return (N, 1 + D): the logarithm of the residual, then the flattened code."""
    logarithm = np.log(np.maximum(output.residual_l2, SMALLEST))
    return np.concatenate([logarithm[:, None], output.codes.reshape(len(logarithm), -1)], axis=1)


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the whitening of codes, the mean and factor of the log residual, and normal images as references."""
    whitening = fit_whitening(features[:, 1:], seed)
    residual = features[:, 0].astype(np.float64)
    statistics = dict(whitening) | {"residual": np.array([residual.mean(), 1 / max(residual.std(), SMALLEST)])}
    points = _coordinates(features, statistics)
    chosen = references(points, seed)
    squared = np.square(chosen - chosen[nearest_others(chosen[:, 1:])])  # (M, 1 + D)
    by_residual, by_code = squared[:, 0].std(), squared[:, 1:].sum(axis=1).std()
    weight = np.sqrt(by_code / by_residual) if by_residual > 0 and by_code > 0 else 1.0
    chosen[:, 0] *= weight
    statistics["residual"][1] *= weight
    return {name: array.astype(np.float32) for name, array in statistics.items()} | {"references": chosen}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances to the nearest reference, (N,)."""
    return distances(_coordinates(features, statistics), statistics["references"])


def _coordinates(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the scaled log residual and the whitened code, (N, 1 + D)."""
    if statistics["residual"].shape != (2,):
        raise ValueError(f"residual of shape {statistics['residual'].shape}, not (2,)")
    mean, factor = statistics["residual"]
    residual = (features[:, :1] - np.float32(mean)) * np.float32(factor)
    return np.concatenate([residual, whiten(features[:, 1:], statistics)], axis=1)
