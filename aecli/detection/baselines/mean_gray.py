"""How much darker or brighter an image is than normal images on average."""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "gray levels"
SUMMARY = "difference of an image's mean gray level to that of normal images"


def applies_to(header: CheckpointHeader) -> bool:
    """Return True: all models take images."""
    return True


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the mean over all pixels and channels, (N, 1)."""
    means: NDArray[np.float32] = output.images.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
    return means[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the `mean` of normal images, (1,)."""
    return {"mean": features.mean(axis=0)}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the differences without sign, (N,)."""
    differences: NDArray[np.float32] = np.abs(features - statistics["mean"])[:, 0]
    return differences
