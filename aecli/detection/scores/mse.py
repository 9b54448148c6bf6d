"""The mean squared error of the picture that `decode` gives.

Unlike `residual` it is in units of pixels, equal for all channels, and what the decoder puts beyond black and white
is cut off before. It can be compared between models of different normalization and size.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "mean squared error, pixels in 0..255"
SUMMARY = "the mean squared error of the pixels"


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return (N, 1), the mean over all pixels and channels."""
    error = output.images - output.reconstructions
    mean: NDArray[np.float32] = np.square(error).mean(axis=(1, 2, 3))
    return mean[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Nothing is to be known of normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the error itself, (N,)."""
    return features[:, 0]
