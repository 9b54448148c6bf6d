"""Statistics of the training images for anomaly scores, which a model of features brings along in its files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

PREFIX = "normal"
"""First part of the names of their tensors in a checkpoint and in an exported model: `normal.SCORE.NAME`."""

NormalStatistics = Mapping[str, Mapping[str, NDArray[np.float32]]]
"""The statistics of each score by the score's name."""


def to_tensors(statistics: NormalStatistics) -> dict[str, NDArray[np.float32]]:
    """Return the statistics as tensors by their names in a file."""
    return {
        f"{PREFIX}.{score}.{name}": np.ascontiguousarray(array)
        for score, arrays in statistics.items()
        for name, array in arrays.items()
    }


def from_tensors(tensors: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return the statistics among the tensors of a file.

    Raises:
        ValueError: a tensor is not finite float32.
    """
    statistics: dict[str, dict[str, NDArray[np.float32]]] = {}
    for key, array in tensors.items():
        if not is_statistic(key):
            continue
        _, score, name = key.split(".", 2)
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"the statistics {key} are not finite float32 numbers")
        statistics.setdefault(score, {})[name] = array
    return statistics


def is_statistic(key: str) -> bool:
    """Return whether a tensor of this name holds statistics."""
    return key.startswith(f"{PREFIX}.") and key.count(".") >= 2
