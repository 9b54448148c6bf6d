"""Distance of the code at each position to the nearest of a bank of normal codes from anywhere: for unaligned images.

Roth et al., "Towards total recall in industrial anomaly detection" (PatchCore), CVPR 2022, without their weight of the
image's score. The bank is a coreset: of a random sample of codes, repeatedly the one that is farthest from those chosen
before (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985).
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.overhang import Overhang, code_overhang
from aecli.detection.scores import Statistics, has_positions
from aecli.inference.model import ModelOutput

UNIT = "Euclidean distance of codes"
SUMMARY = "distance of the code at each position to the nearest normal code anywhere, for unaligned images"

SAMPLE, BANK = 20_000, 1_000
"""Codes to choose from, and codes that are kept."""
CHUNK = 1 << 24
"""Distances that are computed at once: 64 MiB."""


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether codes are maps."""
    return has_positions(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the codes, (N, C, h, w)."""
    return output.codes


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the `bank`, (M, C)."""
    random, (images, _, height, width) = np.random.default_rng(seed), features.shape
    count = images * height * width
    chosen = np.sort(random.choice(count, min(SAMPLE, count), replace=False))
    image, row, column = np.unravel_index(chosen, (images, height, width))
    return {"bank": _coreset(features[image, :, row, column], BANK, int(random.integers(len(chosen))))}


def maps(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances to the nearest code of the bank, (N, h, w)."""
    bank, (images, channels, height, width) = statistics["bank"], features.shape
    if bank.ndim != 2 or not len(bank) or bank.shape[1] != channels:
        raise ValueError(f"bank of shape {bank.shape} for codes of {channels} channels")
    points = features.transpose(0, 2, 3, 1).reshape(-1, channels)
    size = max(1, CHUNK // len(bank))
    nearest = [_nearest(points[start : start + size], bank) for start in range(0, len(points), size)]
    return np.concatenate(nearest).reshape(images, height, width)


def overhang(header: CheckpointHeader) -> Overhang:
    """Return the overhang of the codes."""
    return code_overhang(header)


def _nearest(points: NDArray[np.float32], bank: NDArray[np.float32]) -> NDArray[np.float32]:
    squared = np.square(points).sum(1)[:, None] + np.square(bank).sum(1) - 2 * (points @ bank.T)  # (N, M)
    distances: NDArray[np.float32] = np.sqrt(np.maximum(squared.min(1), 0))
    return distances


def _coreset(points: NDArray[np.float32], size: int, first: int) -> NDArray[np.float32]:
    """Return `size` of the (N, C) points, or all: each the farthest one from those before it."""
    if len(points) <= size:
        return points.copy()
    squared = np.square(points).sum(1)
    chosen, nearest = [first], np.full(len(points), np.inf, np.float32)
    while len(chosen) < size:
        latest = chosen[-1]
        nearest = np.minimum(nearest, squared + squared[latest] - 2 * (points @ points[latest]))
        chosen.append(int(nearest.argmax()))
    bank: NDArray[np.float32] = points[chosen]
    return bank
