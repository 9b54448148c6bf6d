"""Reconstruction error at each position, divided by that of normal images: finds small defects.

An autoencoder reconstructs edges and texture worse than plain areas, in all images at the same positions if the images
are aligned. Dividing by the usual error there leaves what is unusual. Squared errors are averaged over blocks of pixels
first, because single pixels vary too much. `GRID`, `FLOOR` and the square were chosen on defects that were drawn into
normal photographs, `tests/detection/drawn_defects.py`.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.block_means import block_means
from aecli.detection.overhang import Overhang, block_overhang
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.inference.model import ModelOutput

UNIT = "error / error of normal images"
SUMMARY = "largest reconstruction error of a region, relative to normal images, for small defects"

GRID = 16
"""Blocks along the longer side of an image, about."""
FLOOR = 0.03
"""Part of the mean of all positions that is added to both squared errors, so that plain areas do not divide by 0."""
SMALLEST = 1e-6
"""Lower bound of what is added, in squared gray levels."""


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the mean squared error in blocks of pixels, in squared gray levels, (N, h, w)."""
    squared = np.square(output.images - output.reconstructions).mean(axis=1)
    return block_means(squared, _block_side(*squared.shape[1:]))


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the mean squared error of each block, (h, w)."""
    return {"mean": features.mean(axis=0, dtype=np.float64).astype(np.float32)}


def maps(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the square roots of the ratios, (N, h, w)."""
    mean = statistics["mean"]
    if features.shape[1:] != mean.shape:
        raise ValueError(f"mean errors of shape {mean.shape} for errors of shape {features.shape[1:]}")
    floor = np.float32(max(FLOOR * float(mean.mean()), SMALLEST))
    return np.asarray(np.sqrt((features + floor) / (np.maximum(mean, 0) + floor)), np.float32)


def overhang(header: CheckpointHeader) -> Overhang:
    """Return the overhang of the blocks, the last of which may be smaller."""
    _, height, width = header.image_shape
    return block_overhang(height, width, _block_side(height, width))


def _block_side(height: int, width: int) -> int:
    return max(1, round(max(height, width) / GRID))
