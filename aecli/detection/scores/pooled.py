"""Mahalanobis distance of the mean code of all positions to those of normal images: the cheapest score of maps.

Rippel, Mertens and Merhof, "Modeling the distribution of normal data in pre-trained deep features for anomaly
detection", 2020. `whitening.py` describes how the covariance is estimated. Small defects hardly change the mean.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics, has_positions
from aecli.detection.whitening import fit_whitening, whiten
from aecli.inference.model import ModelOutput

UNIT = "Mahalanobis distance"
SUMMARY = "Mahalanobis distance of the mean code of all positions to those of normal images"


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether codes are maps."""
    return has_positions(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the mean code of all positions, (N, C)."""
    return np.asarray(output.codes.mean(axis=(2, 3)), np.float32)


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the mean, directions and deviations that `whiten` uses."""
    return fit_whitening(features, seed)


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances, (N,)."""
    distances: NDArray[np.float32] = np.linalg.norm(whiten(features, statistics), axis=1)
    return distances
