"""Mean squared error between an image and its reconstruction, in pixel values.

Unlike `residual` it is in squared gray levels, weights all channels equally, and clips the reconstruction to 0..255
first, as `decode` does. It can be compared between models of different normalization and image size.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.inference.model import ModelOutput

UNIT = "mean squared error, pixels in 0..255"
SUMMARY = "mean squared error of the reconstructed pixels"


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the mean over all pixels and channels, (N, 1)."""
    error = output.images - output.reconstructions
    mean: NDArray[np.float32] = np.square(error).mean(axis=(1, 2, 3))
    return mean[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return no statistics: the score does not depend on normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the mean squared errors, (N,)."""
    return features[:, 0]
