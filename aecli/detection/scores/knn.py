"""The Euclidean distance of a code from the nearest code of a normal image.

Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets", 2000, with k = 1; on
learnt codes: Sun, Ming, Zhu and Li, "Out-of-distribution detection with deep nearest neighbors", 2022. It needs no
assumption on how normal codes are spread, only enough of them.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.detection.nearest_normal import distances, references
from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "Euclidean distance of codes"
SUMMARY = "the distance of the code from the nearest normal one"


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return (N, D), the codes."""
    return output.codes.reshape(len(output.codes), -1)


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return normal codes, as many as fit a detector."""
    return {"references": references(features, seed)}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances, (N,)."""
    return distances(features, statistics["references"])
