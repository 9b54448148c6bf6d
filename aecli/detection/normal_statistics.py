"""The statistics of normal images that a model of features brings along, so that it detects anomalies right away."""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint.header import CheckpointHeader
from aecli.checkpoint.normal_statistics import NormalStatistics
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.score_application import apply_score
from aecli.detection.scores import applicable_scores, find_score
from aecli.inference.model import ModelOutput

DEFAULT_SCORE = "position"
"""The score of a model of features without a detector, chosen on the ELPV mono cells; see `examples/detection`."""


def fit_normal_statistics(header: CheckpointHeader, codes: NDArray[np.float32], seed: int) -> NormalStatistics:
    """Return the statistics of each score that has any, from the codes of normal images, (N, C, h, w)."""
    output = _output(codes)
    fitted = {}
    for name in applicable_scores(header):
        score = find_score(name)
        if statistics := score.fit(score.measure(output), seed):
            fitted[name] = {key: np.asarray(array, np.float32) for key, array in statistics.items()}
    return fitted


def default_scores(
    codes: NDArray[np.float32], statistics: NormalStatistics
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the scores of images with these codes by the default score, (N,), and their maps, (N, h, w), if any."""
    score = find_score(DEFAULT_SCORE)
    return apply_score(score, score.measure(_output(codes)), statistics[DEFAULT_SCORE], DEFAULT_REDUCTION)


def _output(codes: NDArray[np.float32]) -> ModelOutput:
    """Return codes as the output of a model; the scores of features use nothing else."""
    count = len(codes)
    return ModelOutput(np.zeros((count, 1, 1, 1), np.uint8), codes, None, np.zeros(count, np.float32))
