"""The most unusual pixel of an image, whose brightness and contrast are first made those of all others.

Each image is converted to gray, averaged over blocks to at most 64 pixels, and standardized. A pixel is as unusual as
it differs from the mean of normal images at that position, in standard deviations of normal images there.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.block_means import block_means
from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "standard deviations"
SUMMARY = "largest difference of a standardized pixel to normal images"

SIDE = 64
"""Pixels along the longer side, at most."""
SMALLEST_DEVIATION = 0.05
"""Lower bound of the standard deviation at a position, in standard deviations of an image's gray levels."""


def applies_to(header: CheckpointHeader) -> bool:
    """Return True: all models take images."""
    return True


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the standardized gray levels, (N, h, w)."""
    gray = block_means(output.images.mean(axis=1, dtype=np.float32), -(-max(output.images.shape[2:]) // SIDE))
    centered = gray - gray.mean(axis=(1, 2), keepdims=True)
    deviations = np.maximum(centered.std(axis=(1, 2), keepdims=True), 1)  # a uniform image stays uniform
    standardized: NDArray[np.float32] = centered / deviations
    return standardized


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the `mean` and the standard `deviation` at each position, (h, w)."""
    return {"mean": features.mean(axis=0), "deviation": np.maximum(features.std(axis=0), SMALLEST_DEVIATION)}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the largest differences, (N,)."""
    differences = np.abs(features - statistics["mean"]) / statistics["deviation"]
    largest: NDArray[np.float32] = differences.max(axis=(1, 2))
    return largest
