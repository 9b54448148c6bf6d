"""Apply a fitted score to the features of images."""

import numpy as np
from numpy.typing import NDArray

from aecli.detection.reductions import reduce_maps
from aecli.detection.scores import MapScore, Score, Statistics


def apply_score(
    score: Score | MapScore, features: NDArray[np.float32], statistics: Statistics, reduction: str
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the scores of N images with features (N, ...), (N,), and their maps, (N, h, w), if the score has maps.

    `reduction` says how the map of an image becomes its score.

    Raises:
        KeyError: a statistic is missing.
        ValueError: the shapes of the features and the statistics do not fit together.
    """
    if isinstance(score, MapScore):
        maps = score.maps(features, statistics)
        return reduce_maps(maps, reduction), maps
    return score.score(features, statistics), None
