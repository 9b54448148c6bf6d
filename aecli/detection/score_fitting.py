"""Fit one score: its statistics, its threshold and, with anomalies, a logistic regression.

The normal scores that the threshold is computed from are cross-fitted: each image is scored with statistics of other
images, as a new image will be.

From `MANY_IMAGES` normal images on, one half is fitted on and the other half evaluated on. With fewer, one half is too
little for either. Then all of them are fitted on, and each is scored with the statistics of all others: the jackknife,
see Barber, Candes, Ramdas and Tibshirani, "Predictive inference with the jackknife+", 2021. Unlike their jackknife+, it
needs only one set of statistics to score a new image with, those of all images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate, proportion_interval
from aecli.checkpoint import NormalMaps
from aecli.detection.detector import Logistic, ThresholdBasis
from aecli.detection.features import MIN_IMAGES, SplitFeatures
from aecli.detection.normal_maps import summarize_maps
from aecli.detection.options import DEFAULT_QUANTILE, CalibrationOptions
from aecli.detection.pixel_evaluation import EvaluationMaps, Maps
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.score_application import apply_score
from aecli.detection.scores import MapScore, Score, Statistics
from aecli.detection.separation import auroc
from aecli.detection.small_samples import flagged_text
from aecli.detection.thresholds import (
    conformal_specificity,
    conformal_threshold,
    fit_logistic,
    jackknife_specificity,
)
from aecli.runtime.counting import counted

FOLDS = 5
MANY_IMAGES = 40
"""The fewest normal images of which one half is enough to fit on."""

ALIKE = "as pages of one file are alike, more images of other files may be flagged than measured"

Scores = NDArray[np.float32]
"""The scores of N images, (N,)."""


@dataclass(frozen=True)
class FittedScore:
    """A score, what was fitted for it, and the scores of the images to evaluate on."""

    score: str
    statistics: Statistics
    threshold: float
    basis: ThresholdBasis
    quantile: float | None
    """None if the threshold is that of `logistic`."""
    logistic: Logistic | None
    fit_auroc: float
    """AUROC on the images to fit on, to choose a score by; 0 without anomalous images."""
    specificity: Estimate
    """Fraction of normal images at most at the threshold that were not used for it."""
    normal_scores: Scores
    anomalous_scores: Scores | None
    normal_maps: NormalMaps | None
    """A summary of the maps of normal images, or of their error maps; None if there are neither."""
    evaluation_maps: EvaluationMaps | None
    """None of a score without maps, and without anomalous images."""
    fit_counts: Mapping[str, int]
    """The number of `normal` and `anomalous` images that were fitted on."""
    warnings: Sequence[str]


@dataclass(frozen=True)
class _NormalScores:
    """Scores of normal images, each with statistics of other images, for three purposes."""

    method: Literal["half", "all", "leave-one-out"]
    statistics: Statistics
    threshold: Scores
    """To compute the threshold from."""
    choice: Scores
    """To choose between scores; none of them is among those to evaluate on."""
    evaluation: Scores
    maps: Maps | None
    """The maps of the scores in `threshold`, if the score has maps."""
    evaluation_maps: Maps | None
    """The maps of the scores in `evaluation`."""


@dataclass(frozen=True)
class _Threshold:
    value: float
    quantile: float | None
    logistic: Logistic | None


def fit_score(
    name: str,
    score: Score | MapScore,
    normal: SplitFeatures,
    anomalous: SplitFeatures | None,
    options: CalibrationOptions,
    known: Statistics | None = None,
) -> FittedScore:
    """Fit a score on the images to fit on, and apply it to the images to evaluate on.

    With `known` statistics, of the model's training images, only the threshold is fitted.
    """
    scored = _score_normal(name, score, normal, options, known, has_anomalies=anomalous is not None)
    anomalous_fit, anomalous_scores, evaluation_maps, fit_auroc = None, None, None, 0.0
    if anomalous is not None:
        (anomalous_fit, _), (anomalous_scores, anomalous_maps) = (
            apply_score(score, features, scored.statistics, options.map_reduction)
            for features in (anomalous.fit(name), anomalous.evaluation(name))
        )
        fit_auroc = auroc(scored.choice, anomalous_fit)
        if scored.evaluation_maps is not None and anomalous_maps is not None:
            evaluation_maps = EvaluationMaps(
                scored.evaluation_maps, anomalous_maps, normal.evaluated_images, anomalous.evaluated_images
            )
    threshold = _threshold(scored.threshold, anomalous_fit, options.quantile)
    counts = {"normal": len(scored.threshold), "anomalous": 0 if anomalous_fit is None else len(anomalous_fit)}
    return FittedScore(
        name,
        scored.statistics,
        threshold.value,
        ThresholdBasis(scored.method, counts["normal"], counts["anomalous"] if threshold.quantile is None else 0),
        threshold.quantile,
        threshold.logistic,
        fit_auroc,
        _specificity(scored, threshold, anomalous_fit),
        scored.evaluation,
        anomalous_scores,
        normal.error_maps if scored.maps is None else summarize_maps(scored.maps),
        evaluation_maps,
        counts,
        [
            *_set_warnings(normal, anomalous),
            *_warnings(name, threshold, scored.threshold, normal.total, has_anomalies=anomalous is not None),
        ],
    )


def cross_fitted(
    score: Score | MapScore,
    features: NDArray[np.float32],
    seed: int,
    reduction: str = DEFAULT_REDUCTION,
    folds: int = FOLDS,
    files: NDArray[np.int64] | None = None,
) -> tuple[Scores, Maps | None]:
    """Score each of N images with statistics of the images in the other folds; `features` are (N, ...).

    Images of the same number in `files`, (N,), are in the same fold, if that leaves enough images to fit on.

    Returns:
        The scores, (N,), and their maps, (N, h, w), if the score has maps.
    """
    groups = np.unique(files, return_inverse=True)[1] if files is not None else np.arange(len(features))
    left = len(features) - int(np.bincount(groups).max())
    if left < max(MIN_IMAGES - 1, len(features) // 3):  # one file has most of the images, or all of them
        groups = np.arange(len(features))
    count = min(folds, int(groups.max()) + 1)
    fold_of = np.random.default_rng(seed).permutation(groups.max() + 1)[groups] % count
    members = [np.flatnonzero(fold_of == fold) for fold in range(count)]
    results = [
        apply_score(score, features[fold], score.fit(np.delete(features, fold, axis=0), seed), reduction)
        for fold in members
    ]
    order = np.argsort(np.concatenate(members))
    scores = np.concatenate([result[0] for result in results])[order]
    maps = [result[1] for result in results if result[1] is not None]
    return scores, np.concatenate(maps)[order] if maps else None


def _score_normal(
    name: str,
    score: Score | MapScore,
    normal: SplitFeatures,
    options: CalibrationOptions,
    known: Statistics | None,
    *,
    has_anomalies: bool,
) -> _NormalScores:
    seed, reduction = options.seed, options.map_reduction
    is_split = len(normal) >= MANY_IMAGES
    features = normal.fit(name) if is_split else normal.all[name]
    files = normal.files[normal.fit_indices] if is_split else normal.files
    if known is None:
        statistics = score.fit(features, seed)
        folds = FOLDS if is_split else len(features)
        scores, maps = cross_fitted(score, features, seed, reduction, folds, files)
    else:
        statistics = known
        scores, maps = apply_score(score, features, known, reduction)
    if is_split:
        evaluated = apply_score(score, normal.evaluation(name), statistics, reduction)
        return _NormalScores("half", statistics, scores, scores, evaluated[0], maps, evaluated[1])
    method: Literal["all", "leave-one-out"] = "leave-one-out" if known is None else "all"
    kept = normal.evaluation_indices if has_anomalies else np.arange(len(scores))
    evaluation_maps = None if maps is None else maps[kept]
    return _NormalScores(method, statistics, scores, scores[normal.fit_indices], scores[kept], maps, evaluation_maps)


def _threshold(normal: Scores, anomalous: Scores | None, quantile: float | None) -> _Threshold:
    """Return the threshold of a logistic regression, if there are anomalies and no quantile, or else of a quantile."""
    logistic = None if anomalous is None else fit_logistic(normal, anomalous)
    if logistic is not None and quantile is None:
        return _Threshold(-logistic.intercept / logistic.slope, None, logistic)
    chosen = DEFAULT_QUANTILE if quantile is None else quantile
    return _Threshold(float(conformal_threshold(normal, chosen)[0]), chosen, logistic)


def _specificity(scored: _NormalScores, threshold: _Threshold, anomalous: Scores | None) -> Estimate:
    """Return the fraction of new normal images at most at the threshold, with its interval."""
    if scored.method == "half":
        return proportion_interval(int((scored.evaluation <= threshold.value).sum()), len(scored.evaluation))
    count = len(scored.threshold)
    if threshold.quantile is not None:
        specificity = jackknife_specificity if scored.method == "leave-one-out" else conformal_specificity
        return specificity(count, threshold.quantile)
    others = (np.delete(scored.threshold, index) for index in range(count))
    thresholds = [_threshold(normal, anomalous, None).value for normal in others]
    return proportion_interval(int((scored.threshold <= thresholds).sum()), count)


def _set_warnings(normal: SplitFeatures, anomalous: SplitFeatures | None) -> list[str]:
    """Warn if images were left out, or if they are pages of few files."""
    warnings = []
    for kind, features in (("normal", normal), ("anomalous", anomalous)):
        if features is not None and len(features) < features.total:
            warnings.append(
                f"only {len(features):,} of the {features.total:,} {kind} images were used: the features of more need"
                " too much memory; a single --score needs less, and so do larger tiles"
            )
    if normal.file_count < min(MIN_IMAGES, len(normal)):
        warnings.append(f"the {len(normal):,} normal images are pages of {counted(normal.file_count, 'file')}: {ALIKE}")
    elif len(normal) > 1 and normal.most_pages > len(normal) / 2:
        warnings.append(f"{normal.most_pages:,} of the {len(normal):,} normal images are pages of one file: {ALIKE}")
    return warnings


def _warnings(name: str, threshold: _Threshold, normal: Scores, total: int, *, has_anomalies: bool) -> list[str]:
    warnings: list[str] = []
    if threshold.quantile is None:
        return warnings
    if has_anomalies and threshold.logistic is None:
        warnings.append(
            f"no threshold of {name} separates these anomalies, as on average they do not score higher than normal "
            "images; the threshold is a quantile of the normal images' scores"
        )
    quantile = threshold.quantile
    if not conformal_threshold(normal, quantile)[1]:
        enough = ceil(quantile / (1 - quantile)) * 2
        advice = "" if total >= enough else f"; give at least {enough:,} normal images"
        warnings.append(
            f"{len(normal)} normal images to fit on are too few for the quantile {quantile:g}: the threshold "
            f"is their largest score, and {flagged_text(len(normal), quantile)}{advice}"
        )
    return warnings
