"""Euclidean distance from the code to the nearest code of a normal image.

Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets", 2000, with k = 1; for
learned codes: Sun, Ming, Zhu and Li, "Out-of-distribution detection with deep nearest neighbors", 2022. It makes no
assumption on the distribution of normal codes, but needs enough of them.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.nearest_normal import distances, references
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.inference.model import ModelOutput

UNIT = "Euclidean distance of codes"
SUMMARY = "distance from the code to the nearest normal code"


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the flattened codes, (N, D)."""
    return output.codes.reshape(len(output.codes), -1)


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the codes of normal images, or a random subset of them if there are too many for a detector file."""
    return {"references": references(features, seed)}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances to the nearest reference, (N,)."""
    return distances(features, statistics["references"])
