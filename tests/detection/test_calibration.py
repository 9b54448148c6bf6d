"""Calibration: the promised fraction of normal images is flagged, and metrics come from held-out images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.data.image_set import ImageSet
from aecli.data.splits import hold_out
from aecli.detection import calibration, features
from aecli.detection.baselines import baselines
from aecli.detection.calibration import Calibration, calibrate
from aecli.detection.detector import ThresholdBasis, save_detector
from aecli.detection.options import CalibrationOptions
from aecli.detection.score_fitting import FittedScore, fit_score
from aecli.detection.score_report import ScoreReport
from aecli.detection.scores import score_names
from aecli.detection.separation import separation
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model
from tests.detection.fake_model import SHAPE, fake_model, numbered_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def normal() -> ImageSet:
    return aecli.load_images("digits:test")


@pytest.fixture(scope="module")
def noise() -> ImageSet:
    images = np.random.default_rng(0).integers(0, 256, (100, *SHAPE), dtype=np.uint8)
    return ImageSet(images, np.arange(100).astype(str), "noise")


@pytest.fixture(scope="module")
def noise_calibration(model: Model, normal: ImageSet, noise: ImageSet) -> Calibration:
    return calibrate(model, normal, noise, CalibrationOptions())


def auroc_of(report: ScoreReport) -> float:
    assert report.separation is not None
    return report.separation.auroc.value


# Normal images only


@pytest.mark.parametrize("score", ["residual", "knn", "mahalanobis", "combined"])
@pytest.mark.parametrize("quantile", [0.9, 0.99])
def test_the_threshold_flags_the_requested_fraction_of_new_normal_images(
    score: str, quantile: float, model: Model
) -> None:
    """On average over detectors, each fitted on 200 images."""
    flagged = []
    for seed in range(30):
        fake = fake_model(model, seed)
        options = CalibrationOptions(score, quantile=quantile, seed=seed)
        detector = calibrate(fake, numbered_images(0, 400), None, options).detector
        (new,) = fake.outputs(numbered_images(1000, 2000).images)
        flagged.append((detector.scores(new) > detector.header.threshold).mean())
    assert np.mean(flagged) == pytest.approx(1 - quantile, abs=0.005 if quantile == 0.99 else 0.02)


def test_the_interval_of_specificity_holds_for_new_images(model: Model) -> None:
    fake = fake_model(model, 1)
    calibration = calibrate(fake, numbered_images(0, 2000), None, CalibrationOptions("knn", quantile=0.9))
    (new,) = fake.outputs(numbered_images(3000, 5000).images)
    passed = (calibration.detector.scores(new) <= calibration.detector.header.threshold).mean()
    specificity = calibration.reports[0].specificity
    assert specificity.low < passed < specificity.high


def test_no_image_is_both_fitted_and_evaluated_on(
    model: Model, normal: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves: dict[str, NDArray[np.int64]] = {}

    def watched(count: int, fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        halves["fit"], halves["evaluation"] = hold_out(count, fraction, seed)
        return halves["fit"], halves["evaluation"]

    monkeypatch.setattr(features, "hold_out", watched)
    calibration = calibrate(model, normal, None, CalibrationOptions("knn"))
    assert sorted([*halves["fit"], *halves["evaluation"]]) == list(range(len(normal)))
    (output,) = model.outputs(normal.images)
    references = {row.tobytes() for row in calibration.detector.statistics["references"]}
    is_reference = np.array([code.tobytes() in references for code in output.codes.reshape(len(normal), -1)])
    assert is_reference[halves["fit"]].all()
    assert not is_reference[halves["evaluation"]].any()
    expected = calibration.detector.scores(output)[halves["evaluation"]]
    assert calibration.normal_scores == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert calibration.fitted == {"normal": len(halves["fit"]), "anomalous": 0}
    assert calibration.measured == {"normal": len(halves["evaluation"]), "anomalous": 0}


def test_a_random_subset_is_used_if_features_exceed_the_memory_limit(
    model: Model, normal: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "MAX_FEATURE_BYTES", 4 * 16 * 100)
    calibration = calibrate(model, normal, None, CalibrationOptions("knn"))
    assert calibration.fitted["normal"] + calibration.measured["normal"] == 100
    assert calibration.detector.header.normal.images == len(normal)


# With anomalies


def test_noise_is_separated_from_digits(noise_calibration: Calibration) -> None:
    report = noise_calibration.reports[0]
    assert report.score == noise_calibration.detector.header.score
    assert report.recall is not None
    assert auroc_of(report) > 0.95
    assert report.specificity.value > 0.9
    assert report.recall.value > 0.9
    assert noise_calibration.detector.header.basis == ThresholdBasis("half", 179, 50)


def test_all_scores_are_reported_by_decreasing_auroc(noise_calibration: Calibration) -> None:
    assert sorted(report.score for report in noise_calibration.reports) == score_names()
    areas = [report.auroc for report in noise_calibration.reports[1:]]
    assert areas == sorted(areas, reverse=True)


def test_the_score_is_chosen_without_the_images_that_it_is_evaluated_on(
    model: Model, normal: ImageSet, noise: ImageSet
) -> None:
    """Whatever the images of the other half are, the chosen score, its threshold and its statistics stay the same."""
    chosen = calibrate(model, normal, noise, CalibrationOptions())
    changed_sets = []
    for images in (normal, noise):
        _, evaluation = hold_out(len(images), features.FIT_FRACTION, 0)
        changed = np.array(images.images)
        changed[evaluation] = np.random.default_rng(1).integers(100, 130, changed[evaluation].shape)
        changed_sets.append(ImageSet(changed, images.names, images.word))
    changed_calibration = calibrate(model, changed_sets[0], changed_sets[1], CalibrationOptions())
    for field in ("score", "threshold", "basis", "logistic"):
        assert getattr(changed_calibration.detector.header, field) == getattr(chosen.detector.header, field)
    for name, array in chosen.detector.statistics.items():
        assert np.array_equal(changed_calibration.detector.statistics[name], array)
    assert changed_calibration.reports[0].auroc < chosen.reports[0].auroc - 0.2


def test_the_score_is_chosen_by_the_largest_auroc_on_the_images_to_fit_on(
    model: Model, normal: ImageSet, noise: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the largest AUROC in the table, which is of the other half."""
    fitted: dict[str, FittedScore] = {}

    def watched(name: str, *arguments: Any) -> FittedScore:
        fitted[name] = fit_score(name, *arguments)
        if name == "mse":
            fitted[name] = replace(fitted[name], fit_auroc=2.0)
        return fitted[name]

    monkeypatch.setattr(calibration, "fit_score", watched)
    result = calibrate(model, normal, noise, CalibrationOptions())
    assert result.detector.header.score == "mse"
    scores = fitted["mse"]
    assert scores.anomalous_scores is not None
    assert result.reports[0].separation == separation(scores.normal_scores, scores.anomalous_scores, 0)


def test_specificity_and_recall_are_those_of_the_returned_scores(noise_calibration: Calibration) -> None:
    threshold = noise_calibration.detector.header.threshold
    report = noise_calibration.reports[0]
    normal, anomalous = noise_calibration.normal_scores, noise_calibration.anomalous_scores
    assert report.recall is not None
    assert anomalous is not None
    assert report.specificity.value == (normal <= threshold).mean()
    assert report.recall.value == (anomalous > threshold).mean()
    assert noise_calibration.measured == {"normal": len(normal), "anomalous": len(anomalous)}


def test_both_kinds_are_equally_probable_at_the_threshold_of_the_regression(noise_calibration: Calibration) -> None:
    header = noise_calibration.detector.header
    assert header.quantile is None
    assert header.logistic is not None
    scores = np.array([1, 0.5, 2], np.float32) * np.float32(header.threshold)
    at, below, above = header.logistic.probability(scores)
    assert at == pytest.approx(0.5, abs=1e-3)
    assert below < 0.5 < above
    assert np.isfinite(header.logistic.probability(np.array([0, 1e30], np.float32))).all()


def test_a_quantile_replaces_the_threshold_of_the_regression(model: Model, normal: ImageSet, noise: ImageSet) -> None:
    both = calibrate(model, normal, noise, CalibrationOptions("residual", quantile=0.9))
    normal_only = calibrate(model, normal, None, CalibrationOptions("residual", quantile=0.9))
    assert both.detector.header.threshold == normal_only.detector.header.threshold
    assert both.detector.header.quantile == 0.9


def test_a_warning_names_a_better_score_if_anomalies_score_lower(model: Model, normal: ImageSet) -> None:
    """Uniform images, which any autoencoder reconstructs well."""
    images = np.repeat(np.arange(60, dtype=np.uint8), 64).reshape(60, *SHAPE)
    uniform = ImageSet(images, np.arange(60).astype(str), "uniform")
    calibration = calibrate(model, normal, uniform, CalibrationOptions("residual"))
    assert calibration.reports[0].auroc < 0.5
    warnings = " ".join(calibration.warnings)
    best = max(calibration.reports, key=lambda report: report.auroc)
    assert "score lower" in warnings
    assert f"{best.score} is better" in warnings
    assert best.auroc > 0.9
    assert calibration.detector.header.quantile == 0.99
    assert "quantile" in warnings
    automatic = calibrate(model, normal, uniform, CalibrationOptions())
    assert automatic.reports[0].auroc > 0.9
    assert not [warning for warning in automatic.warnings if "alone" not in warning]


def test_anomalies_like_normal_images_have_an_auroc_of_one_half(model: Model, normal: ImageSet) -> None:
    indices = np.random.default_rng(0).permutation(len(normal))
    first, second = (replace(normal.take(half), word=f"half {len(half)}") for half in (indices[:180], indices[180:]))
    calibration = calibrate(model, first, second, CalibrationOptions("combined"))
    assert calibration.reports[0].auroc == pytest.approx(0.5, abs=0.15)


def test_classes_of_one_data_set_can_be_normal_and_anomalous(model: Model) -> None:
    calibration = calibrate(
        model, aecli.load_images("digits:test@-1"), aecli.load_images("digits:test@1"), CalibrationOptions()
    )
    header = calibration.detector.header
    assert header.normal.word == "digits:test@-1"
    assert header.anomalous is not None
    assert header.anomalous.word == "digits:test@1"
    total = [sum(count.values()) for count in (calibration.fitted, calibration.measured)]
    assert sum(total) == len(aecli.load_images("digits:test"))


# Options and reproducibility


def saved_bytes(calibration: Calibration, path: Path) -> bytes:
    save_detector(calibration.detector, path)
    return path.read_bytes()


def test_detectors_are_equal_if_and_only_if_the_seeds_are(model: Model, normal: ImageSet, tmp_path: Path) -> None:
    first, again, other = (
        saved_bytes(calibrate(model, normal, None, CalibrationOptions(seed=seed)), tmp_path / "detector")
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "change", [{"score": "mse"}, {"quantile": 0.8}, {"seed": 1}, {"map_reduction": "mean"}], ids=str
)
def test_each_option_changes_the_threshold(change: dict[str, Any], model: Model, normal: ImageSet) -> None:
    default = calibrate(model, normal, None, CalibrationOptions("local"))
    changed = calibrate(model, normal, None, replace(CalibrationOptions("local"), **change))
    assert default.detector.header.threshold != changed.detector.header.threshold


@pytest.mark.parametrize(
    "values",
    [
        {"score": "residul"},
        {"map_reduction": "median"},
        {"quantile": 0.0},
        {"quantile": 1.0},
        {"quantile": float("nan")},
        {"seed": -1},
        {"seed": 2**32},
    ],
    ids=str,
)
def test_invalid_options_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        CalibrationOptions(**values).check()


# Warnings and errors


@pytest.mark.parametrize("word", ["digits:train", "digits", "digits:train@3"])
def test_a_warning_names_the_training_images(word: str, model: Model) -> None:
    assert model.header.data.word == "digits:train"
    calibration = calibrate(model, aecli.load_images(word), None, CalibrationOptions("residual", quantile=0.9))
    assert f"images of {calibration.detector.header.normal.word}" in calibration.warnings[0]


def test_a_warning_names_the_number_of_images_that_a_quantile_needs(model: Model) -> None:
    fake = fake_model(model, 0)
    calibration = calibrate(fake, numbered_images(0, 100), None, CalibrationOptions("residual", quantile=0.99))
    assert "50 normal images" in calibration.warnings[0]
    assert "198" in calibration.warnings[0]
    (output,) = fake.outputs(numbered_images(0, 100).images)
    assert calibration.detector.header.threshold <= output.residual_l2.max()
    assert not calibrate(fake, numbered_images(0, 198), None, CalibrationOptions("residual", quantile=0.99)).warnings


def test_a_warning_counts_images_that_are_both_normal_and_anomalous(
    model: Model, normal: ImageSet, noise: ImageSet
) -> None:
    mixed = ImageSet(np.concatenate([noise.images, normal.images[:7]]), np.arange(107).astype(str), "mixed")
    calibration = calibrate(model, normal, mixed, CalibrationOptions("residual"))
    assert any("7 of the 107 anomalous images" in warning for warning in calibration.warnings)


@pytest.mark.parametrize("kind", ["normal", "anomalous"])
def test_too_few_images_are_refused(kind: str, model: Model, normal: ImageSet) -> None:
    few = replace(normal.take(np.arange(4)), word="few")
    images, anomalous = (few, None) if kind == "normal" else (normal, few)
    with pytest.raises(InputError, match=f"too few {kind} images") as error:
        calibrate(model, images, anomalous, CalibrationOptions())
    assert "4 of few" in error.value.message
    assert error.value.hint is not None
    assert "5" in error.value.hint


def test_the_same_images_cannot_be_both_normal_and_anomalous(model: Model, normal: ImageSet) -> None:
    with pytest.raises(InputError, match="same"):
        calibrate(model, normal, normal, CalibrationOptions())


def test_progress_covers_all_stages(model: Model, normal: ImageSet, noise: ImageSet) -> None:
    latest: dict[str, tuple[int, int]] = {}

    def listen(stage: str, done: int, total: int) -> None:
        latest[stage] = (done, total)

    calibrate(model, normal, noise, CalibrationOptions(), listen)
    scores = len(score_names()) + len(baselines())
    assert latest == {
        "scoring normal images": (359, 359),
        "scoring anomalous images": (100, 100),
        "fitting scores": (scores, scores),
    }


@pytest.mark.parametrize("score", score_names())
def test_equal_images_have_a_finite_threshold(score: str, model: Model) -> None:
    equal = ImageSet(np.full((50, *SHAPE), 9, np.uint8), np.arange(50).astype(str), "equal")
    calibration = calibrate(model, equal, None, CalibrationOptions(score))
    assert np.isfinite(calibration.detector.header.threshold)
    assert calibration.reports[0].specificity.value == 1
