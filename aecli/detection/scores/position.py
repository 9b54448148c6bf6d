"""Mahalanobis distance of the code at each position to normal codes at the same position: for aligned images.

Defard, Setkov, Loesch and Audigier, "PaDiM: a patch distribution modeling framework for anomaly detection and
localization", 2021, on principal components instead of random channels. The covariance of each position is shrunk
toward the mean of all positions and toward a multiple of the identity, so that it has an inverse with few images, too.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.overhang import Overhang, code_overhang
from aecli.detection.scores import Statistics, has_positions
from aecli.inference.model import ModelOutput

UNIT = "Mahalanobis distance"
SUMMARY = "Mahalanobis distance of the code at each position to normal codes there, for aligned images"

TOWARD_ALL, TOWARD_IDENTITY = 0.1, 0.0025
"""Weights of the mean covariance of all positions, and of the identity in units of the mean variance."""
SMALLEST_VARIANCE = 1e-12


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether codes are maps."""
    return has_positions(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return the codes, (N, C, h, w)."""
    return output.codes


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return the `mean` code at each position, (C, h, w), and the `whitening` of each position, (h w, C (C + 1) / 2).

    The whitening is the lower triangle, row by row, of a matrix L with L L^T = the inverse of the covariance.
    """
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviations = _by_position(features - mean)  # (P, N, C)
    covariances = deviations.transpose(0, 2, 1) @ deviations / max(len(features) - 1, 1)  # (P, C, C)
    overall = covariances.mean(axis=0)
    variance = max(float(np.trace(overall)) / len(overall), SMALLEST_VARIANCE)
    shrunk = (1 - TOWARD_ALL) * covariances + TOWARD_ALL * overall + TOWARD_IDENTITY * variance * np.eye(len(overall))
    whitening = np.linalg.cholesky(np.linalg.inv(shrunk.astype(np.float64)))
    rows, columns = np.tril_indices(len(overall))
    return {"mean": mean, "whitening": whitening[:, rows, columns].astype(np.float32)}


def maps(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the distances, (N, h, w)."""
    mean, triangles = statistics["mean"], statistics["whitening"]
    channels, height, width = mean.shape
    if features.shape[1:] != mean.shape or triangles.shape != (height * width, channels * (channels + 1) // 2):
        raise ValueError(f"whitening of shape {triangles.shape} for codes of shape {features.shape[1:]}")
    whitening = np.zeros((height * width, channels, channels), np.float32)
    rows, columns = np.tril_indices(channels)
    whitening[:, rows, columns] = triangles
    distances = np.linalg.norm(_by_position(features - mean) @ whitening, axis=2)  # (P, N)
    return np.ascontiguousarray(distances.T, np.float32).reshape(len(features), height, width)


def overhang(header: CheckpointHeader) -> Overhang:
    """Return the overhang of the codes."""
    return code_overhang(header)


def _by_position(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return codes (N, C, h, w) as (h w, N, C)."""
    images, channels = codes.shape[:2]
    return np.ascontiguousarray(codes.reshape(images, channels, -1).transpose(2, 0, 1))
