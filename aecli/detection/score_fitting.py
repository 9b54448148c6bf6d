"""Fit one score: its statistics, its threshold and, with anomalies, a logistic regression.

The normal scores that the threshold is computed from are cross-fitted: each image is scored with statistics of other
images, as a new image will be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from aecli.detection.detector import Logistic
from aecli.detection.features import SplitFeatures
from aecli.detection.options import DEFAULT_QUANTILE, CalibrationOptions
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.score_application import apply_score
from aecli.detection.scores import Statistics, find_score
from aecli.detection.separation import auroc
from aecli.detection.small_samples import flagged_text
from aecli.detection.thresholds import conformal_threshold, fit_logistic

FOLDS = 5

Scores = NDArray[np.float32]
"""The scores of N images, (N,)."""


@dataclass(frozen=True)
class FittedScore:
    """A score, what was fitted for it, and the scores of the images to evaluate on."""

    score: str
    statistics: Statistics
    threshold: float
    quantile: float | None
    """None if the threshold is that of `logistic`."""
    logistic: Logistic | None
    fit_auroc: float
    """AUROC on the images to fit on; 0 without anomalous images."""
    normal_scores: Scores
    anomalous_scores: Scores | None
    warnings: Sequence[str]


def fit_score(
    name: str,
    normal: SplitFeatures,
    anomalous: SplitFeatures | None,
    options: CalibrationOptions,
    known: Statistics | None = None,
) -> FittedScore:
    """Fit a score on the images to fit on, and apply it to the images to evaluate on.

    With `known` statistics, of the model's training images, only the threshold is fitted.
    """
    score = find_score(name)

    def apply(features: NDArray[np.float32]) -> Scores:
        return apply_score(score, features, statistics, options.map_reduction)[0]

    if known is not None:
        statistics = known
        fit_scores = apply(normal.fit[name])
    else:
        statistics = score.fit(normal.fit[name], options.seed)
        fit_scores = cross_fitted_scores(name, normal.fit[name], options.seed, options.map_reduction)
    normal_scores = apply(normal.evaluation[name])
    anomalous_scores, logistic, fit_auroc = None, None, 0.0
    if anomalous is not None:
        anomalous_fit_scores = apply(anomalous.fit[name])
        anomalous_scores = apply(anomalous.evaluation[name])
        fit_auroc = auroc(fit_scores, anomalous_fit_scores)
        logistic = fit_logistic(fit_scores, anomalous_fit_scores)
    warnings: list[str] = []
    quantile: float | None = None
    if logistic is not None and options.quantile is None:
        threshold = -logistic.intercept / logistic.slope
    else:
        if anomalous is not None and logistic is None:
            warnings.append(
                f"no threshold of {name} separates these anomalies, as they do not score higher than normal images; "
                "the threshold is a quantile of the normal images' scores"
            )
        quantile = DEFAULT_QUANTILE if options.quantile is None else options.quantile
        threshold, enough = conformal_threshold(fit_scores, quantile)
        if not enough:
            warnings.append(
                f"{len(fit_scores)} normal images to fit on are too few for the quantile {quantile:g}: the threshold "
                f"is their largest score, and {flagged_text(len(fit_scores), quantile)}; give at least "
                f"{ceil(quantile / (1 - quantile)) * 2:,} normal images"
            )
    return FittedScore(
        name,
        statistics,
        float(threshold),
        quantile,
        logistic,
        fit_auroc,
        normal_scores,
        anomalous_scores,
        warnings,
    )


def cross_fitted_scores(
    name: str, features: NDArray[np.float32], seed: int, reduction: str = DEFAULT_REDUCTION
) -> Scores:
    """Score each of N images with statistics of the images in the other folds, (N,); `features` are (N, ...)."""
    score = find_score(name)
    folds = np.random.default_rng(seed).permutation(len(features)) % (count := min(FOLDS, len(features)))
    scores = np.empty(len(features), np.float32)
    for fold in range(count):
        in_fold = folds == fold
        statistics = score.fit(features[~in_fold], seed)
        scores[in_fold], _ = apply_score(score, features[in_fold], statistics, reduction)
    return scores
