"""The L2 norm of the reconstruction error: the laboratory's score.

An autoencoder restores what it was trained on better than other images: Sakurada and Yairi, "Anomaly detection using
autoencoders with nonlinear dimensionality reduction", 2014. It fails where other images are simpler than normal ones,
which any autoencoder restores well.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "L2 norm of the error, normalized units"
SUMMARY = "the L2 norm of the reconstruction error"


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return (N, 1), the L2 norm over all pixels and channels."""
    return output.residual_l2[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Nothing is to be known of normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the norm itself, (N,)."""
    return features[:, 0]
