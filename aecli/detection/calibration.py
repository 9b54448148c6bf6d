"""Normal images, and perhaps anomalous ones, become a detector and figures of how far it can be trusted.

Both kinds are split by the seed into a part to fit on and a part to measure on. The normal scores that a threshold is
fitted to are cross-fitted: each image is scored by statistics of the other images, as a new image will be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate, proportion_interval
from aecli.checkpoint import DataSource
from aecli.data.image_set import ImageSet
from aecli.data.registry import resolve
from aecli.data.splits import hold_out
from aecli.detection.detector import DEFAULT_QUANTILE, DEFAULT_SCORE, Detector, DetectorHeader, Logistic
from aecli.detection.options import CalibrationOptions
from aecli.detection.scores import Statistics, find_score, score_names
from aecli.detection.separation import Separation, auroc, separation
from aecli.errors import InputError
from aecli.inference.model import Model
from aecli.runtime.progress import Progress, silent
from aecli.storage.schema import FORMERLY

FOLDS = 5
FEWEST = 20
MOST_FEATURE_BYTES = 1 << 30
FITTED_SHARE = 0.5
CHUNK = 4096
"""Images at once: between two reports of progress, and read from a memory map."""

Scores = NDArray[np.float32]
Features = Mapping[str, NDArray[np.float32]]
"""(N, F) for each score, by its name."""


@dataclass(frozen=True)
class ScoreReport:
    """What one score is worth, on images that it was not fitted on."""

    score: str
    threshold: float
    specificity: Estimate = field(metadata={FORMERLY: "normal_right"})
    """Fraction of the normal images below the threshold."""
    recall: Estimate | None = field(metadata={FORMERLY: "anomalous_right"})
    """Fraction of the anomalous images above the threshold; None without anomalous images."""
    separation: Separation | None

    @property
    def area(self) -> float:
        """AUROC; 0 without anomalous images."""
        return self.separation.auroc.value if self.separation else 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_lines(self) -> dict[str, str]:
        """Return the figures that there are, as a person reads them, by their names."""
        estimates = {"specificity": self.specificity, "recall": self.recall}
        if self.separation is not None:
            estimates |= {
                "AUROC": self.separation.auroc,
                "average precision": self.separation.average_precision,
                "FPR at 95 % TPR": self.separation.fpr_at_95_tpr,
            }
        return {
            name: f"{known.value:.4f} ({known.low:.4f} to {known.high:.4f})"
            for name, known in estimates.items()
            if known is not None
        }


@dataclass(frozen=True)
class Calibration:
    """A detector and what was measured of it."""

    detector: Detector
    reports: Sequence[ScoreReport]
    """The detector's own first; with anomalous images the other scores', for comparison, best first."""
    normal_scores: Scores
    """Of the normal images that it was measured on."""
    anomalous_scores: Scores | None
    fitted: Mapping[str, int]
    """Images that were fitted on."""
    measured: Mapping[str, int]
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Halves:
    """Features of images, (N, F) for each score by its name."""

    fit: Features
    rest: Features

    def count(self) -> tuple[int, int]:
        return len(next(iter(self.fit.values()))), len(next(iter(self.rest.values())))


@dataclass(frozen=True)
class _Candidate:
    """A score with all that was fitted for it."""

    score: str
    statistics: Statistics
    threshold: float
    quantile: float | None
    logistic: Logistic | None
    fitted_auroc: float
    """On the images that it was fitted on; 0 without anomalous ones."""
    normal: Scores
    """Of the images to measure on."""
    anomalous: Scores | None
    warnings: Sequence[str]


def calibrate(
    model: Model,
    normal: ImageSet,
    anomalous: ImageSet | None,
    options: CalibrationOptions,
    progress: Progress = silent,
) -> Calibration:
    """Fit a detector on one half of the images and measure it on the other.

    With normal images alone the threshold is the quantile of their cross-fitted scores that conformal prediction
    takes, the k-th smallest of n with k = ceil((n + 1) quantile): Vovk, Gammerman and Shafer, "Algorithmic learning
    in a random world", 2005. With anomalous images it is where a logistic regression on the score, both kinds weighted
    alike, finds them equally probable, unless a quantile is asked for.

    Raises:
        InputError: too few images, or the same ones as normal and anomalous.
        UsageError: an option that makes no sense.
    """
    options.check()
    _check_sets(normal, anomalous)
    names = score_names() if anomalous is not None else [options.score or DEFAULT_SCORE]
    normals = _measure(model, normal, names, options.seed, "scoring normal images", progress)
    anomalies = None
    if anomalous is not None:
        anomalies = _measure(model, anomalous, names, options.seed, "scoring anomalous images", progress)
    candidates = {}
    for done, name in enumerate(names, 1):
        candidates[name] = _fit(name, normals, anomalies, options)
        progress("fitting scores", done, len(names))

    chosen = candidates[options.score or max(names, key=lambda name: candidates[name].fitted_auroc)]
    reports = [_report(candidate, options.seed) for candidate in candidates.values()]
    reports.sort(key=lambda report: (report.score != chosen.score, -report.area))
    counts = {"normal": normals.count(), "anomalous": anomalies.count() if anomalies else (0, 0)}
    header = DetectorHeader(
        score=chosen.score,
        threshold=chosen.threshold,
        model_fingerprint=model.fingerprint,
        normal=_source(normal),
        quantile=chosen.quantile,
        anomalous=None if anomalous is None else _source(anomalous),
        logistic=chosen.logistic,
        measured=reports[0].to_dict() | {"images": {kind: rest for kind, (_, rest) in counts.items()}},
        versions={"aecli": version("aecli")},
    )
    return Calibration(
        Detector(header, chosen.statistics),
        reports,
        chosen.normal,
        chosen.anomalous,
        fitted={kind: fit for kind, (fit, _) in counts.items()},
        measured={kind: rest for kind, (_, rest) in counts.items()},
        warnings=[
            *_about_training(model, normal),
            *_about_shared(normal, anomalous),
            *chosen.warnings,
            *_about_order(reports),
        ],
    )


def _check_sets(normal: ImageSet, anomalous: ImageSet | None) -> None:
    for images, kind in ((normal, "normal"), (anomalous, "anomalous")):
        if images is not None and len(images) < FEWEST:
            raise InputError(f"too few {kind} images: {len(images)} of {images.word}", hint=f"give at least {FEWEST}")
    if anomalous is not None and anomalous.fingerprint == normal.fingerprint:
        raise InputError(f"the normal and the anomalous images are the same: {normal.word}, {anomalous.word}")


def _measure(
    model: Model, images: ImageSet, names: Sequence[str], seed: int, stage: str, progress: Progress
) -> _Halves:
    """Run the model over the images, or as many of them as memory allows, drawn by the seed, and split the features."""
    rows = np.arange(len(images))
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    code_bytes = 4 * int(np.prod(model.header.code_shape)) * len(names)
    if len(images) > (most := max(FEWEST, MOST_FEATURE_BYTES // code_bytes)):
        rows = np.sort(np.random.default_rng(seed).choice(len(images), most, replace=False))
    for start in range(0, len(rows), CHUNK):
        for output in model.outputs(images.images[rows[start : start + CHUNK]]):
            for name in names:
                features[name].append(find_score(name).measure(output))
        progress(stage, min(start + CHUNK, len(rows)), len(rows))
    joined = {name: np.concatenate(parts) for name, parts in features.items()}
    fit, rest = hold_out(len(rows), 1 - FITTED_SHARE, seed)
    return _Halves(
        {name: array[fit] for name, array in joined.items()}, {name: array[rest] for name, array in joined.items()}
    )


def _fit(name: str, normals: _Halves, anomalies: _Halves | None, options: CalibrationOptions) -> _Candidate:
    score = find_score(name)
    statistics = score.fit(normals.fit[name], options.seed)
    scored = _cross_fitted(name, normals.fit[name], options.seed)
    measured = score.score(normals.rest[name], statistics)
    warnings: list[str] = []
    logistic, known, unseen, area = None, None, None, 0.0
    if anomalies is not None:
        known, unseen = (score.score(half[name], statistics) for half in (anomalies.fit, anomalies.rest))
        area = auroc(scored, known)
        logistic = _regress(scored, known)
    if logistic is not None and options.quantile is None:
        threshold, quantile = -logistic.intercept / logistic.slope, None
    else:
        if anomalies is not None and logistic is None:
            warnings.append(
                f"no threshold on {name} tells these anomalies: they do not score higher than normal images; "
                f"the threshold is a quantile of the normal images' scores"
            )
        quantile = DEFAULT_QUANTILE if options.quantile is None else options.quantile
        threshold, enough = _conformal(scored, quantile)
        if not enough:
            warnings.append(
                f"{len(scored)} normal images to fit on are too few to know their quantile {quantile:g}: the threshold "
                f"is the largest score among them; {ceil(quantile / (1 - quantile)) * 2:,} images would do"
            )
    return _Candidate(name, statistics, float(threshold), quantile, logistic, area, measured, unseen, warnings)


def _cross_fitted(name: str, features: NDArray[np.float32], seed: int) -> Scores:
    """Score each image by statistics of the images in the other folds, (N,)."""
    score = find_score(name)
    folds = np.random.default_rng(seed).permutation(len(features)) % FOLDS
    scores = np.empty(len(features), np.float32)
    for fold in range(FOLDS):
        inside = folds == fold
        scores[inside] = score.score(features[inside], score.fit(features[~inside], seed))
    return scores


def _conformal(scores: Scores, quantile: float) -> tuple[float, bool]:
    """Return the threshold that a new normal image passes with probability `quantile`, and whether N scores tell it."""
    rank = ceil((len(scores) + 1) * quantile)
    return float(np.sort(scores)[min(rank, len(scores)) - 1]), rank <= len(scores)


def _regress(normal: Scores, anomalous: Scores) -> Logistic | None:
    """Fit a logistic regression on the score, both kinds weighted alike; None where anomalies do not score higher."""
    from sklearn.linear_model import LogisticRegression

    scores = np.concatenate([normal, anomalous]).astype(np.float64)
    center, scale = float(scores.mean()), float(scores.std()) or 1.0
    kinds = np.repeat([0, 1], [len(normal), len(anomalous)])
    fitted = LogisticRegression(class_weight="balanced").fit(((scores - center) / scale)[:, None], kinds)
    slope = float(fitted.coef_[0, 0]) / scale
    return Logistic(slope, float(fitted.intercept_[0]) - slope * center) if slope > 0 else None


def _report(candidate: _Candidate, seed: int) -> ScoreReport:
    normal, anomalous, threshold = candidate.normal, candidate.anomalous, candidate.threshold
    return ScoreReport(
        candidate.score,
        threshold,
        proportion_interval(int((normal <= threshold).sum()), len(normal)),
        None if anomalous is None else proportion_interval(int((anomalous > threshold).sum()), len(anomalous)),
        None if anomalous is None else separation(normal, anomalous, seed),
    )


def _about_training(model: Model, normal: ImageSet) -> list[str]:
    trained = model.header.data
    if normal.fingerprint != trained.fingerprint and not _overlap(trained.word, normal.word):
        return []
    return [
        f"the model was trained on {trained.word}, which has images of {normal.word}: it restores them better than new "
        "ones, so more new ones will be flagged; calibrate on images that it has not seen"
    ]


def _overlap(first: str, second: str) -> bool:
    """Tell whether two DATA words mean parts of the same set that may have images in common."""
    try:
        one, other = resolve(first), resolve(second)
    except InputError:  # the path is not here any more
        return False
    return one.name == other.name and (one.split == other.split or bool({one.split, other.split} & {None, "all"}))


def _about_shared(normal: ImageSet, anomalous: ImageSet | None) -> list[str]:
    """Say so where images are among the normal and the anomalous ones."""
    if anomalous is None:
        return []
    known = {sha256(image.tobytes()).digest() for image in normal.images}
    shared = sum(sha256(image.tobytes()).digest() in known for image in anomalous.images)
    if not shared:
        return []
    return [f"{shared:,} of the {len(anomalous):,} anomalous images are among the normal ones too"]


def _about_order(reports: Sequence[ScoreReport]) -> list[str]:
    """Say so where anomalies score lower than normal images, and which score does better."""
    chosen = reports[0]
    if chosen.separation is None or chosen.area >= 0.5:
        return []
    better = max(reports, key=lambda report: report.area)
    advice = (
        f"{better.score} does better, AUROC {better.area:.3f}" if better.area > 0.5 else "no other score does better"
    )
    return [f"anomalies score lower than normal images: {chosen.score} has AUROC {chosen.area:.3f}; {advice}"]


def _source(images: ImageSet) -> DataSource:
    return DataSource(images.word, images.fingerprint, len(images))
