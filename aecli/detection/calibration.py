"""Calibrate a detector: fit scores and thresholds on some of the images, and evaluate them on others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from aecli.checkpoint import DataSource
from aecli.data.image_set import ImageSet
from aecli.data.shapes import shape_text
from aecli.detection.baselines import baselines
from aecli.detection.calibration_warnings import baseline_warnings, order_warnings, shared_image_warnings
from aecli.detection.detector import Detector, DetectorHeader
from aecli.detection.features import MIN_IMAGES, extract_features
from aecli.detection.options import DEFAULT_SCORE, CalibrationOptions
from aecli.detection.pixel_evaluation import PixelEvaluation, measure_pixels
from aecli.detection.score_fitting import FittedScore, Scores, fit_score
from aecli.detection.score_report import ScoreReport, evaluate
from aecli.detection.scores import applicable_scores, find_score, overhang_of
from aecli.detection.small_samples import small_sample_warning
from aecli.detection.tiled_scores import in_tiles
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model
from aecli.inference.training_overlap import training_overlap
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class Calibration:
    """A detector and its evaluation."""

    detector: Detector
    reports: Sequence[ScoreReport]
    """The detector's score first; with anomalous images then all other scores by decreasing AUROC."""
    normal_scores: Scores
    """Scores of the normal images that the detector was evaluated on."""
    anomalous_scores: Scores | None
    """Scores of the anomalous images that it was evaluated on; None without anomalous images."""
    fitted: Mapping[str, int]
    """The number of `normal` and `anomalous` images to fit on."""
    measured: Mapping[str, int]
    """The number of `normal` and `anomalous` images to evaluate on."""
    warnings: Sequence[str]
    trained_images: Mapping[str, int | None] = field(default_factory=dict)
    """How many of the `normal` and `anomalous` images the model was trained on; None for a model of version 0.1."""
    pixels: PixelEvaluation = field(default_factory=PixelEvaluation)
    """The metrics of maps by masks, which are in `reports`, too."""
    baselines: Sequence[ScoreReport] = ()
    """Trivial baselines by decreasing AUROC; empty without anomalous images."""


def calibrate(
    model: Model,
    normal: ImageSet,
    anomalous: ImageSet | None,
    options: CalibrationOptions,
    progress: Progress = silent,
) -> Calibration:
    """Fit a detector on one half of the images and evaluate it on the other half.

    Without anomalous images, the threshold is a conformal quantile of the normal scores. With anomalous images, all
    scores are fitted and the one with the largest AUROC on the images to fit on is chosen, unless `options` name a
    score; of several, the one that is usual without anomalous images, if it is among them. The threshold is that of a
    logistic regression, unless `options` name a quantile. Of few normal images, all are fitted on; see `score_fitting`.

    Raises:
        InputError: there are too few images, or the normal and the anomalous images are the same.
        UsageError: an option is invalid.
    """
    options.check()
    _check_images(normal, anomalous)
    names = _scores_to_fit(model, anomalous is not None, options)
    fitted = _fit_all(model, normal, anomalous, names, options, progress)
    usual = _usual_score(model)
    chosen = fitted[options.score or max(names, key=lambda name: (fitted[name].fit_auroc, name == usual))]
    pixels = PixelEvaluation()
    if anomalous is not None:
        maps = {
            name: replace(score.evaluation_maps, overhang=overhang_of(find_score(name), model.header))
            for name, score in fitted.items()
            if score.evaluation_maps is not None
        }
        pixels = measure_pixels(maps, normal, anomalous, model.conversion.resize, options.seed, progress)
    reports = {
        name: replace(evaluate(score, options.seed), pixels=pixels.metrics.get(name)) for name, score in fitted.items()
    }
    scores = sorted((reports[name] for name in names), key=lambda report: (report.score != chosen.score, -report.auroc))
    trivial = sorted((reports[name] for name in reports if name not in names), key=lambda report: -report.auroc)
    counts = {"normal": len(chosen.normal_scores), "anomalous": 0}
    if chosen.anomalous_scores is not None:
        counts["anomalous"] = len(chosen.anomalous_scores)
    header = DetectorHeader(
        score=chosen.score,
        threshold=chosen.threshold,
        model_fingerprint=model.fingerprint,
        normal=_source(normal),
        map_reduction=options.map_reduction,
        uses_model_statistics=chosen.score in model.normal_statistics,
        tiles=None if normal.tiles is None else normal.tiles.tiling,
        quantile=chosen.quantile,
        basis=chosen.basis,
        anomalous=None if anomalous is None else _source(anomalous),
        logistic=chosen.logistic,
        normal_maps=chosen.normal_maps,
        measured=reports[chosen.score].to_dict() | {"images": counts},
        versions={"aecli": version("aecli")},
    )
    sets = {"normal": normal} | ({} if anomalous is None else {"anomalous": anomalous})
    overlaps = {kind: training_overlap(model, images) for kind, images in sets.items()}
    return Calibration(
        Detector(header, chosen.statistics),
        scores,
        chosen.normal_scores,
        chosen.anomalous_scores,
        chosen.fit_counts,
        counts,
        warnings=[
            *(warning for overlap in overlaps.values() for warning in overlap.warnings),
            *shared_image_warnings(normal, anomalous),
            *pixels.warnings,
            *chosen.warnings,
            *_sample_warnings(header),
            *order_warnings(scores),
            *baseline_warnings(scores[0], trivial),
        ],
        trained_images={kind: overlap.trained_images for kind, overlap in overlaps.items()},
        pixels=pixels,
        baselines=trivial,
    )


def _fit_all(
    model: Model,
    normal: ImageSet,
    anomalous: ImageSet | None,
    names: Sequence[str],
    options: CalibrationOptions,
    progress: Progress,
) -> dict[str, FittedScore]:
    """Fit the named scores and, if there are anomalous images, the trivial baselines."""
    scores = {name: find_score(name) for name in names} | (baselines() if anomalous is not None else {})
    if normal.tiles is not None:
        scores = {name: in_tiles(score, model.header) for name, score in scores.items()}
    normal_features = extract_features(model, normal, scores, options.seed, "scoring normal images", progress)
    anomalous_features = None
    if anomalous is not None:
        anomalous_features = extract_features(
            model, anomalous, scores, options.seed, "scoring anomalous images", progress
        )
    fitted = {}
    for done, (name, score) in enumerate(scores.items(), 1):
        known = model.normal_statistics.get(name)
        fitted[name] = fit_score(name, score, normal_features, anomalous_features, options, known)
        progress("fitting scores", done, len(scores))
    return fitted


def _sample_warnings(header: DetectorHeader) -> list[str]:
    """Warn if the threshold between normal and anomalous images comes from few; `FittedScore` warns of quantiles."""
    warning = small_sample_warning(header) if header.quantile is None else None
    return [warning] if warning else []


def _scores_to_fit(model: Model, has_anomalies: bool, options: CalibrationOptions) -> list[str]:
    """Return the scores to fit: all that apply to the model if one is chosen by anomalous images, else one.

    Raises:
        UsageError: the score that the options name does not apply to the model.
    """
    names = applicable_scores(model.header)
    if options.score and options.score not in names:
        raise UsageError(
            f"score {options.score} does not apply to this model: {model.header.architecture} with codes of shape "
            f"{shape_text(model.header.code_shape)}",
            hint=f"choose one of {', '.join(names)}",
        )
    return names if has_anomalies else [options.score or _usual_score(model)]


def _usual_score(model: Model) -> str:
    """Return the score that needs no anomalous images to be chosen."""
    return DEFAULT_SCORE if model.has_images else model.header.default_score


def _check_images(normal: ImageSet, anomalous: ImageSet | None) -> None:
    for images, kind in ((normal, "normal"), (anomalous, "anomalous")):
        if images is not None and images.image_count < MIN_IMAGES:
            raise InputError(
                f"too few {kind} images: {images.image_count} of {images.word}", hint=f"give at least {MIN_IMAGES}"
            )
    if anomalous is not None and anomalous.fingerprint == normal.fingerprint:
        raise InputError(
            f"the normal and the anomalous images are the same: {normal.word}, {anomalous.word}",
            hint="name other anomalous images, or choose classes: --normal DATA@0 --anomalous DATA@-0",
        )


def _source(images: ImageSet) -> DataSource:
    return DataSource(images.word, images.fingerprint, images.image_count)
