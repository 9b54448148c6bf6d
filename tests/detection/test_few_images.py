"""Calibration with 5 to 39 normal images: all of them are fitted on, and intervals are honest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.data.image_set import ImageSet
from aecli.detection.calibration import calibrate
from aecli.detection.detector import ThresholdBasis, load_detector, save_detector
from aecli.detection.features import MIN_IMAGES, extract_features
from aecli.detection.options import CalibrationOptions
from aecli.detection.score_application import apply_score
from aecli.detection.score_fitting import MANY_IMAGES, cross_fitted
from aecli.detection.scores import find_score, score_names
from aecli.detection.thresholds import conformal_specificity, conformal_threshold, jackknife_specificity
from aecli.errors import ExitStatus
from aecli.inference.model import Model, ModelOutput
from aecli.runtime.progress import silent
from tests.command_line import Run
from tests.detection.fake_model import SHAPE


def first_digits(count: int) -> ImageSet:
    return aecli.load_images("digits:test").take(np.arange(count))


def noise_images(count: int) -> ImageSet:
    images = np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    return ImageSet(images, np.arange(count).astype(str), "noise")


def test_the_jackknife_scores_each_image_with_the_statistics_of_the_others(output: ModelOutput) -> None:
    score = find_score("position")
    features = score.measure(output)[:12]
    scores, maps = cross_fitted(score, features, 0, "max", folds=12)
    for index in range(12):
        others = score.fit(np.delete(features, index, axis=0), 0)
        expected = apply_score(score, features[index : index + 1], others, "max")
        assert scores[index] == pytest.approx(expected[0][0], rel=1e-5)
        assert maps is not None
        assert expected[1] is not None
        assert maps[index] == pytest.approx(expected[1][0], rel=1e-5)


def in_stacks(images: ImageSet, size: int) -> ImageSet:
    """Return the same images as pages of files."""
    names = [f"{index // size}.tif#{index % size + 1}" for index in range(len(images))]
    return replace(images, names=np.array(names))


def test_pages_of_a_file_are_in_one_fold() -> None:
    """Equal pages would otherwise be at distance 0 of each other."""
    score = find_score("knn")
    files = np.repeat(np.arange(6), 4)
    features = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)[files]
    for folds in (3, 24):
        assert cross_fitted(score, features, 0, "max", folds)[0].min() == 0
        assert cross_fitted(score, features, 0, "max", folds, files)[0].min() > 0.1
    few = np.array([0, 0, 1, 2, 3, 4])  # the other four images are enough, as of five images
    assert cross_fitted(score, features[few * 4], 0, "max", 6, few)[0].min() > 0.1
    one = cross_fitted(score, features, 0, "max", 5, np.zeros(24, np.int64))[0]
    assert np.array_equal(one, cross_fitted(score, features, 0, "max", 5)[0])


@pytest.mark.parametrize("size", [10, 30])
def test_pages_of_a_file_are_in_one_half(size: int, model: Model) -> None:
    images = in_stacks(first_digits(120), size)
    features = extract_features(model, images, {"knn": find_score("knn")}, 0, "", silent)
    halves = [
        {images.names[index].partition("#")[0] for index in half}
        for half in (features.fit_indices, features.evaluation_indices)
    ]
    assert not halves[0] & halves[1]
    assert sum(map(len, halves)) == features.file_count == 120 // size
    warnings = calibrate(model, images, None, CalibrationOptions("knn")).warnings
    assert any("pages of 4 files" in warning for warning in warnings) is (size == 30)


@pytest.mark.parametrize("sizes", [(30, 1), (60, 1), (1, 60), (200, *[1] * 9)], ids=str)
def test_a_file_with_most_of_the_pages_is_divided(sizes: tuple[int, ...], model: Model) -> None:
    """Otherwise its pages would be scored with the statistics of a few others, and no threshold would be exceeded."""
    digits = first_digits(sum(sizes))
    names = [f"{file:02}.tif#{page + 1}" for file, size in enumerate(sizes) for page in range(size)]
    images = replace(digits, names=np.array(names))
    features = extract_features(model, images, {"knn": find_score("knn")}, 0, "", silent)
    assert min(len(features.fit_indices), len(features.evaluation_indices)) >= len(names) // 4
    for score in ("knn", "combined"):
        found = calibrate(model, images, None, CalibrationOptions(score))
        usual = calibrate(model, digits, None, CalibrationOptions(score))
        assert found.detector.header.threshold == pytest.approx(usual.detector.header.threshold, rel=0.5)
        assert any("one file" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", score_names())
@pytest.mark.parametrize("with_anomalies", [False, True])
def test_five_images_of_each_kind_are_enough(name: str, with_anomalies: bool, model: Model) -> None:
    normal, anomalous = first_digits(MIN_IMAGES), noise_images(MIN_IMAGES) if with_anomalies else None
    calibration = calibrate(model, normal, anomalous, CalibrationOptions(name))
    basis = calibration.detector.header.basis
    assert basis is not None
    assert (basis.method, basis.normal) == ("leave-one-out", 5)
    specificity = calibration.reports[0].specificity
    assert specificity.low < 0.6
    assert specificity.high - specificity.low > 0.3


def test_statistics_and_threshold_are_of_all_images(model: Model) -> None:
    """The nearest neighbors show it: each image is a reference, and the threshold is a distance between them."""
    normal = first_digits(20)
    calibration = calibrate(model, normal, None, CalibrationOptions("knn", quantile=0.9))
    (output,) = model.outputs(normal.images)
    codes = output.codes.reshape(20, -1)
    assert np.array_equal(calibration.detector.statistics["references"], codes)
    distances = np.linalg.norm(codes[:, None] - codes, axis=2) + np.diag(np.full(20, np.inf))
    assert calibration.detector.header.threshold == pytest.approx(np.sort(distances.min(axis=1))[18], rel=1e-4)
    assert calibration.fitted == calibration.measured == {"normal": 20, "anomalous": 0}


def test_from_40_images_on_one_half_is_kept_to_evaluate_on(model: Model) -> None:
    methods = []
    for count in (MANY_IMAGES - 1, MANY_IMAGES):
        basis = calibrate(model, first_digits(count), None, CalibrationOptions("knn")).detector.header.basis
        assert basis is not None
        methods.append((basis.method, basis.normal))
    assert methods == [("leave-one-out", 39), ("half", 20)]


def test_the_score_is_chosen_by_one_half_of_the_images(model: Model) -> None:
    """The normal images of AUROC are those that did not choose the score."""
    calibration = calibrate(model, first_digits(8), noise_images(6), CalibrationOptions())
    assert calibration.fitted == {"normal": 8, "anomalous": 3}
    assert calibration.measured == {"normal": 4, "anomalous": 3}
    assert len(calibration.normal_scores) == 4
    assert calibration.detector.header.basis == ThresholdBasis("leave-one-out", 8, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["knn", "mahalanobis", "combined"])
@pytest.mark.parametrize("count", [5, 12])
@pytest.mark.long
def test_the_interval_of_specificity_holds_for_new_images(name: str, count: int) -> None:
    """In at least 95% of 100 draws of so few images, less two standard errors."""
    score, inside, passed = find_score(name), [], []
    for seed in range(100):
        random = np.random.default_rng(seed)
        normal, new = (score.measure(random_output(size, random)) for size in (count, 400))
        threshold, _ = conformal_threshold(cross_fitted(score, normal, 0, "max", count)[0], 0.8)
        new_scores, _ = apply_score(score, new, score.fit(normal, 0), "max")
        passed.append((new_scores <= threshold).mean())
        estimate = jackknife_specificity(count, 0.8)
        inside.append(estimate.low <= passed[-1] <= estimate.high)
    assert np.mean(inside) > 0.95 - 2 * np.sqrt(0.95 * 0.05 / 100)
    assert np.mean(passed) > 0.79


def random_output(count: int, random: np.random.Generator) -> ModelOutput:
    """Return random codes and residuals of `count` images."""
    images = np.zeros((count, *SHAPE), np.uint8)
    codes = random.normal(size=(count, 4)).astype(np.float32)
    return ModelOutput(images, codes, images.astype(np.float32), random.lognormal(size=count).astype(np.float32))


@pytest.mark.parametrize(("count", "quantile"), [(5, 0.99), (12, 0.9), (39, 0.5)])
def test_the_specificity_of_a_conformal_threshold_is_that_of_random_scores(count: int, quantile: float) -> None:
    random = np.random.default_rng(0)
    draws = random.random((20_000, count)).astype(np.float32)
    passed = [conformal_threshold(scores, quantile)[0] for scores in draws]  # of uniform scores
    estimate = conformal_specificity(count, quantile)
    assert estimate.value == pytest.approx(np.mean(passed), abs=0.005)
    assert (estimate.low, estimate.high) == pytest.approx(np.quantile(passed, [0.025, 0.975]), abs=0.01)


@pytest.mark.slow
def test_commands_say_what_the_threshold_rests_on(
    aecli: Run, conv_run: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    folders, detector = {count: tmp_path / f"{count}" for count in (4, 12)}, tmp_path / "detector.safetensors"
    for count, folder in folders.items():
        folder.mkdir()
        for index in range(count):
            Image.fromarray(digits[index, 0]).save(folder / f"{index}.png")
    calibrated = aecli("calibrate", "--model", conv_run, "--normal", folders[12], "-o", detector)
    assert calibrated.status == 0
    assert "others" in calibrated.err
    detected = aecli("detect", "digits:test", "--model", conv_run, "--detector", detector)
    described = aecli("info", detector).out
    for text in (detected.err, described):
        (line,) = [line for line in text.splitlines() if "12 normal images, each" in line]
        assert "22%" in line  # at most 1 - 0.05^(1/12) of new normal images
    assert aecli("info", detector, "--json").document["basis"] == {
        "method": "leave-one-out",
        "normal": 12,
        "anomalous": 0,
    }
    of_few = aecli("calibrate", "--model", conv_run, "--normal", folders[4], "-o", detector)
    assert of_few.status == ExitStatus.INPUT
    assert "4" in of_few.err


def test_detectors_without_the_record_are_read(model: Model, tmp_path: Path) -> None:
    calibration = calibrate(model, first_digits(12), None, CalibrationOptions("knn"))
    path = tmp_path / "detector.safetensors"
    save_detector(calibration.detector.with_threshold(3.0), path)
    assert load_detector(path).header.basis is None
