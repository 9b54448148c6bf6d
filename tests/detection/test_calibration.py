"""Calibration by what it promises: as many normal images flagged as asked for, and figures of images not fitted on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.data.image_set import ImageSet
from aecli.detection import calibration as module
from aecli.detection.calibration import Calibration, calibrate
from aecli.detection.detector import save_detector
from aecli.detection.options import CalibrationOptions
from aecli.detection.scores import score_names
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model, ModelOutput

SHAPE = (1, 8, 8)


@pytest.fixture(scope="module")
def normal() -> ImageSet:
    return aecli.load_images("digits:test")


@pytest.fixture(scope="module")
def noise(normal: ImageSet) -> ImageSet:
    images = np.random.default_rng(0).integers(0, 256, (100, *SHAPE), dtype=np.uint8)
    return ImageSet(images, np.arange(100).astype(str), "noise")


@pytest.fixture(scope="module")
def both(model: Any, normal, noise) -> Calibration:
    return calibrate(model, normal, noise, CalibrationOptions())


class Pretender:
    """In the place of a model: what it makes of an image with the number i is drawn at random by i."""

    def __init__(self, model: Model, seed: int, dimensions: int = 4):
        self.header, self.fingerprint = replace(model.header, code_shape=(dimensions,)), "sha256:pretended"
        random = np.random.default_rng(seed)
        self.codes = random.normal(size=(1 << 16, dimensions)).astype(np.float32)
        self.residuals = random.lognormal(size=1 << 16).astype(np.float32)

    def outputs(self, images: NDArray[Any]):
        rows = images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 0, 1]
        levels = images.astype(np.float32)
        yield ModelOutput(images, self.codes[rows], levels, self.residuals[rows])


def numbered(first: int, count: int) -> ImageSet:
    images = np.zeros((count, *SHAPE), np.uint8)
    numbers = np.arange(first, first + count)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers // 256, numbers % 256
    return ImageSet(images, numbers.astype(str), f"numbers from {first}")


# What a threshold keeps


@pytest.mark.parametrize("score", ["residual", "knn", "mahalanobis", "combined"])
@pytest.mark.parametrize("quantile", [0.9, 0.99])
def test_as_many_new_normal_images_are_flagged_as_asked_for(score, quantile, model: Any) -> None:
    """On average over detectors, each fitted on 200 images."""
    flagged = []
    for seed in range(30):
        pretender = Pretender(model, seed)
        detector = calibrate(pretender, numbered(0, 400), None, CalibrationOptions(score, quantile, seed)).detector
        (new,) = pretender.outputs(numbered(1000, 2000).images)
        flagged.append((detector.scores(new) > detector.header.threshold).mean())
    assert np.mean(flagged) == pytest.approx(1 - quantile, abs=0.005 if quantile == 0.99 else 0.02)


def test_what_is_measured_is_about_what_new_images_show(model: Any) -> None:
    pretender = Pretender(model, 1)
    found = calibrate(pretender, numbered(0, 2000), None, CalibrationOptions("knn", 0.9))
    (new,) = pretender.outputs(numbered(3000, 5000).images)
    passed = (found.detector.scores(new) <= found.detector.header.threshold).mean()
    right = found.reports[0].specificity
    assert right.low < passed < right.high


def test_fitted_and_measured_images_are_others(model: Any, normal, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, NDArray[Any]] = {}
    real = module.hold_out

    def watched(count: int, fraction: float, seed: int):
        seen["fit"], seen["rest"] = real(count, fraction, seed)
        return seen["fit"], seen["rest"]

    monkeypatch.setattr(module, "hold_out", watched)
    found = calibrate(model, normal, None, CalibrationOptions("knn"))
    assert sorted([*seen["fit"], *seen["rest"]]) == list(range(len(normal)))
    (all_codes,) = model.outputs(normal.images)
    known = {row.tobytes() for row in found.detector.statistics["references"]}
    inside = np.array([code.tobytes() in known for code in all_codes.codes.reshape(len(normal), -1)])
    assert inside[seen["fit"]].all()
    assert not inside[seen["rest"]].any()
    assert found.normal_scores == pytest.approx(found.detector.scores(all_codes)[seen["rest"]], rel=1e-4, abs=1e-4)
    assert found.fitted == {"normal": len(seen["fit"]), "anomalous": 0}
    assert found.measured == {"normal": len(seen["rest"]), "anomalous": 0}


def test_images_that_fit_no_memory_are_drawn_by_the_seed(model: Any, normal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FEATURE_BYTES", 4 * 16 * 100)
    found = calibrate(model, normal, None, CalibrationOptions("knn"))
    assert found.fitted["normal"] + found.measured["normal"] == 100
    assert found.detector.header.normal.images == len(normal)


# With anomalies


def test_noise_is_told_from_digits(both) -> None:
    report = both.reports[0]
    assert report.score == both.detector.header.score
    assert report.separation.auroc.value > 0.95
    assert report.specificity.value > 0.9
    assert report.recall.value > 0.9
    assert not both.warnings


def test_every_score_is_compared_and_the_best_come_first(both) -> None:
    assert sorted(report.score for report in both.reports) == score_names()
    areas = [report.area for report in both.reports[1:]]
    assert areas == sorted(areas, reverse=True)


def test_figures_are_those_of_the_scores_that_are_drawn(both) -> None:
    threshold = both.detector.header.threshold
    assert both.reports[0].specificity.value == (both.normal_scores <= threshold).mean()
    assert both.reports[0].recall.value == (both.anomalous_scores > threshold).mean()
    assert both.measured == {"normal": len(both.normal_scores), "anomalous": len(both.anomalous_scores)}


def test_at_the_threshold_of_the_regression_both_kinds_are_equally_probable(both) -> None:
    header = both.detector.header
    assert header.quantile is None
    at, below, above = header.logistic.probability(np.float32([1, 0.5, 2]) * np.float32(header.threshold))
    assert at == pytest.approx(0.5, abs=1e-3)
    assert below < 0.5 < above
    assert np.isfinite(header.logistic.probability(np.float32([0, 1e30]))).all()


def test_a_quantile_overrules_the_regression(model: Any, normal, noise) -> None:
    found = calibrate(model, normal, noise, CalibrationOptions("residual", 0.9))
    alone = calibrate(model, normal, None, CalibrationOptions("residual", 0.9))
    assert found.detector.header.threshold == alone.detector.header.threshold
    assert found.detector.header.quantile == 0.9


def test_anomalies_that_score_lower_are_told_with_a_score_that_does_better(model: Any, normal) -> None:
    """Plain pictures, which any autoencoder restores well."""
    plain = np.repeat(np.arange(60, dtype=np.uint8), 64).reshape(60, *SHAPE)
    dull = ImageSet(plain, np.arange(60).astype(str), "dull")
    found = calibrate(model, normal, dull, CalibrationOptions("residual"))
    assert found.reports[0].area < 0.5
    told = " ".join(found.warnings)
    best = max(found.reports, key=lambda report: report.area)
    assert "anomalies score lower than normal images: residual" in told
    assert f"{best.score} does better" in told
    assert best.area > 0.9
    assert found.detector.header.quantile == 0.99  # the threshold that is left
    assert "quantile of the normal images' scores" in told
    chosen = calibrate(model, normal, dull, CalibrationOptions())
    assert chosen.reports[0].area > 0.9
    assert not chosen.warnings


def test_anomalies_that_are_like_normal_images_are_no_error(model: Any, normal) -> None:
    rows = np.random.default_rng(0).permutation(len(normal))
    halves = [replace(normal.take(part), word=f"half {len(part)}") for part in (rows[:180], rows[180:])]
    found = calibrate(model, *halves, CalibrationOptions("combined"))
    assert found.reports[0].area == pytest.approx(0.5, abs=0.15)


def test_classes_of_one_set_become_normal_and_anomalous(model: Any) -> None:
    found = calibrate(
        model, aecli.load_images("digits:test@-1"), aecli.load_images("digits:test@1"), CalibrationOptions()
    )
    assert found.detector.header.normal.word == "digits:test@-1"
    assert found.detector.header.anomalous.word == "digits:test@1"
    total = [sum(count.values()) for count in (found.fitted, found.measured)]
    assert sum(total) == len(aecli.load_images("digits:test"))


# Options and bytes


def saved(found: Calibration, path: Path) -> bytes:
    save_detector(found.detector, path)
    return path.read_bytes()


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(model: Any, normal, tmp_path: Path) -> None:
    first, again, other = (
        saved(calibrate(model, normal, None, CalibrationOptions(seed=seed)), tmp_path / "detector")
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("change", [{"score": "mse"}, {"quantile": 0.8}, {"seed": 1}])
def test_every_option_matters(change, model: Any, normal) -> None:
    plain = calibrate(model, normal, None, CalibrationOptions("residual"))
    changed = calibrate(model, normal, None, replace(CalibrationOptions("residual"), **change))
    assert plain.detector.header != changed.detector.header


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": "residul"},
        {"quantile": 0.0},
        {"quantile": 1.0},
        {"quantile": float("nan")},
        {"seed": -1},
        {"seed": 2**32},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(UsageError):
        CalibrationOptions(**wrong).check()


# What a person is warned of


@pytest.mark.parametrize("word", ["digits:train", "digits", "digits:train@3"])
def test_images_that_the_model_was_trained_on_are_told(word, model: Any) -> None:
    assert model.header.data.word == "digits:train"
    found = calibrate(model, aecli.load_images(word), None, CalibrationOptions("residual", 0.9))
    assert "the model was trained on digits:train" in found.warnings[0]


def test_too_few_images_for_the_quantile_are_told_and_how_many_would_do(model: Any) -> None:
    pretender = Pretender(model, 0)
    found = calibrate(pretender, numbered(0, 100), None, CalibrationOptions("residual", 0.99))
    assert "50 normal images to fit on are too few" in found.warnings[0]
    assert "198 images would do" in found.warnings[0]
    (fitted,) = pretender.outputs(numbered(0, 100).images)
    assert found.detector.header.threshold <= fitted.residual_l2.max()
    assert not calibrate(pretender, numbered(0, 198), None, CalibrationOptions("residual", 0.99)).warnings


def test_images_of_both_kinds_are_told(model: Any, normal, noise) -> None:
    mixed = ImageSet(np.concatenate([noise.images, normal.images[:7]]), np.arange(107).astype(str), "mixed")
    found = calibrate(model, normal, mixed, CalibrationOptions("residual"))
    assert any("7 of the 107 anomalous images are among the normal ones" in warning for warning in found.warnings)


@pytest.mark.parametrize("kind", ["normal", "anomalous"])
def test_a_handful_of_images_is_refused(kind, model: Any, normal) -> None:
    few = replace(normal.take(np.arange(19)), word="few")
    sets = (few, None) if kind == "normal" else (normal, few)
    with pytest.raises(InputError, match=f"too few {kind} images: 19 of few") as error:
        calibrate(model, *sets, CalibrationOptions())
    assert "20" in error.value.hint


def test_the_same_images_are_not_normal_and_anomalous(model: Any, normal) -> None:
    with pytest.raises(InputError, match="the same"):
        calibrate(model, normal, normal, CalibrationOptions())


def test_twenty_images_of_each_are_enough_for_every_score(model: Any, normal, noise) -> None:
    few = [replace(some.take(np.arange(20)), word=some.word) for some in (normal, noise)]
    for score in score_names():
        assert calibrate(model, *few, CalibrationOptions(score)).detector.header.score == score


def test_progress_tells_all_stages(model: Any, normal, noise) -> None:
    told: dict[str, tuple[int, int]] = {}

    def listen(stage: str, done: int, total: int) -> None:
        told[stage] = (done, total)

    calibrate(model, normal, noise, CalibrationOptions(), listen)
    assert told == {
        "scoring normal images": (359, 359),
        "scoring anomalous images": (100, 100),
        "fitting scores": (6, 6),
    }


def test_images_that_are_all_equal_give_a_detector(model: Any, tmp_path: Path) -> None:
    same = ImageSet(np.full((30, *SHAPE), 9, np.uint8), np.arange(30).astype(str), "same")

    for score in score_names():
        found = calibrate(model, same, None, CalibrationOptions(score))
        assert np.isfinite(found.detector.header.threshold)
        assert found.reports[0].specificity.value == 1
