"""Trivial baselines: equal in value to their formulas, beside the scores, and named if a score is no better."""

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.data.image_set import ImageSet
from aecli.detection.baselines import baselines
from aecli.detection.block_means import block_means
from aecli.detection.calibration import Calibration, calibrate
from aecli.detection.options import CalibrationOptions
from aecli.detection.score_application import apply_score
from aecli.errors import UsageError
from aecli.inference.model import Model, ModelOutput


def output_of(images: NDArray[np.uint8]) -> ModelOutput:
    empty = np.zeros((len(images), 1), np.float32)
    return ModelOutput(images, empty, None, empty[:, 0])


def scores_of(name: str, normal: NDArray[np.uint8], new: NDArray[np.uint8]) -> NDArray[np.float32]:
    baseline = baselines()[name]
    statistics = baseline.fit(baseline.measure(output_of(normal)), 0)
    return apply_score(baseline, baseline.measure(output_of(new)), statistics, "max")[0]


def random_images(count: int, shape: tuple[int, int, int], seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_mean_gray_is_the_distance_to_the_mean_of_normal_images() -> None:
    normal, new = random_images(20, (3, 8, 8), 0), random_images(10, (3, 8, 8), 1)
    expected = np.abs(new.mean(axis=(1, 2, 3)) - normal.mean())
    assert scores_of("mean gray", normal, new) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_mean_gray_finds_darker_and_brighter_images() -> None:
    normal = np.full((10, 1, 8, 8), 100, np.uint8)
    new = np.stack([np.full((1, 8, 8), level, np.uint8) for level in (100, 60, 150)])
    assert scores_of("mean gray", normal, new) == pytest.approx([0, 40, 50])


def test_standardized_pixels_are_the_largest_z_score_of_a_pixel() -> None:
    normal, new = random_images(50, (1, 8, 6), 0), random_images(10, (1, 8, 6), 1)

    def standardized(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        flat = images.reshape(len(images), -1).astype(np.float64)
        values: NDArray[np.float64] = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
        return values

    fitted = standardized(normal)
    expected = (np.abs(standardized(new) - fitted.mean(0)) / fitted.std(0)).max(1)
    assert scores_of("standardized pixels", normal, new) == pytest.approx(expected, rel=1e-3)


def test_standardized_pixels_do_not_depend_on_brightness_and_contrast() -> None:
    normal = random_images(50, (1, 8, 8), 0)
    new = np.random.default_rng(1).integers(0, 120, (10, 1, 8, 8)).astype(np.uint8)
    changed = (new * 2 + 10).astype(np.uint8)
    expected = scores_of("standardized pixels", normal, new)
    assert scores_of("standardized pixels", normal, changed) == pytest.approx(expected, rel=1e-3)


def test_large_images_are_averaged_to_at_most_64_pixels() -> None:
    baseline = baselines()["standardized pixels"]
    assert baseline.measure(output_of(random_images(2, (3, 64, 40), 0))).shape == (2, 64, 40)
    assert baseline.measure(output_of(random_images(2, (3, 224, 224), 0))).shape == (2, 56, 56)


@pytest.mark.parametrize("name", baselines())
def test_baselines_of_uniform_and_equal_images_are_finite(name: str) -> None:
    equal = np.full((6, 1, 8, 8), 7, np.uint8)
    assert np.isfinite(scores_of(name, equal, np.concatenate([equal, random_images(5, (1, 8, 8), 0)]))).all()


@pytest.mark.parametrize("side", [1, 2, 3, 5, 9])
def test_block_means_are_means_of_blocks(side: int) -> None:
    maps = np.random.default_rng(0).normal(size=(3, 7, 9)).astype(np.float32)
    means = block_means(maps, side)
    for row in range(means.shape[1]):
        for column in range(means.shape[2]):
            rows, columns = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            assert means[:, row, column] == pytest.approx(maps[:, rows, columns].mean(axis=(1, 2)), abs=1e-5)


# Beside the scores


@pytest.fixture(scope="module")
def darker_digits(model: Model) -> Calibration:
    """Return a calibration on digits against the same digits at a third of the brightness."""
    normal = aecli.load_images("digits:test")
    darker = ImageSet(normal.images[::2] // 3, normal.names[::2], "darker")
    return calibrate(model, normal, darker, CalibrationOptions("knn"))


def test_baselines_are_reported_by_decreasing_auroc(darker_digits: Calibration) -> None:
    reports = darker_digits.baselines
    assert sorted(report.score for report in reports) == ["mean gray", "standardized pixels"]
    assert reports[0].score == "mean gray"
    assert reports[0].auroc > 0.95 > reports[1].auroc
    assert not {report.score for report in darker_digits.reports} & {report.score for report in reports}


def test_a_warning_names_the_baseline_if_the_score_is_no_better(darker_digits: Calibration) -> None:
    (warning,) = [warning for warning in darker_digits.warnings if "alone" in warning]
    assert warning.startswith(f"mean gray alone has AUROC {darker_digits.baselines[0].auroc:.3f}")
    assert "knn" in warning


def test_a_score_that_is_better_than_the_baselines_is_no_warning(model: Model) -> None:
    """Digits of which one half is turned upside down: equally bright."""
    normal = aecli.load_images("digits:test")
    turned = ImageSet(np.ascontiguousarray(normal.images[:150, :, ::-1]), normal.names[:150], "turned")
    calibration = calibrate(model, normal, turned, CalibrationOptions("knn"))
    assert calibration.reports[0].auroc > calibration.baselines[0].auroc
    assert not [warning for warning in calibration.warnings if "alone" in warning]


def test_without_anomalies_there_are_no_baselines(model: Model) -> None:
    assert not calibrate(model, aecli.load_images("digits:test"), None, CalibrationOptions("knn")).baselines


@pytest.mark.parametrize("name", ["mean gray", "mean_gray", "standardized_pixels"])
def test_a_baseline_is_not_a_score(name: str) -> None:
    with pytest.raises(UsageError):
        CalibrationOptions(name).check()
