"""Mahalanobis distance from the code to the mean code of normal images.

Lee, Lee, Lee and Shin, "A simple unified framework for detecting out-of-distribution samples and adversarial attacks",
2018, with one class. `whitening.py` describes how the covariance is estimated.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.detection.whitening import fit_whitening, whiten
from aecli.inference.model import ModelOutput

UNIT = "Mahalanobis distance"
SUMMARY = "Mahalanobis distance from the code to the mean of normal codes"


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the flattened codes, (N, D)."""
    return output.codes.reshape(len(output.codes), -1)


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the mean, directions and deviations that `whiten` uses."""
    return fit_whitening(features, seed)


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances, (N,)."""
    distances: NDArray[np.float32] = np.linalg.norm(whiten(features, statistics), axis=1)
    return distances
