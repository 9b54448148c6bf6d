"""L2 norm of the reconstruction error.

An autoencoder reconstructs images like its training images better than others: Sakurada and Yairi, "Anomaly detection
using autoencoders with nonlinear dimensionality reduction", 2014. The score fails for anomalies that are simpler than
normal images, as any autoencoder reconstructs these well.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "L2 norm of the error, normalized units"
SUMMARY = "L2 norm of the reconstruction error, in normalized units"


def applies_to(header: CheckpointHeader) -> bool:
    """Return True: each model has a residual."""
    return True


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the L2 norm over all pixels and channels, (N, 1)."""
    return output.residual_l2[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return no statistics: the score does not depend on normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the norms, (N,)."""
    return features[:, 0]
