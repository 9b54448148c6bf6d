"""Summaries of the maps of normal images, at once and in batches."""

import numpy as np
import pytest

from aecli.checkpoint import NormalMaps
from aecli.data import load
from aecli.detection.calibration import calibrate
from aecli.detection.normal_maps import ErrorMapSummary, summarize_maps
from aecli.detection.options import CalibrationOptions
from aecli.inference.model import Model, ModelOutput


def test_the_summary_holds_quantiles_of_the_values_and_of_the_maxima() -> None:
    maps = np.random.default_rng(0).exponential(size=(200, 6, 5)).astype(np.float32)
    summary = summarize_maps(maps)
    assert summary.median == pytest.approx(np.median(maps))
    assert summary.high == pytest.approx(np.quantile(maps, 0.99))
    assert summary.highest == pytest.approx(np.quantile(maps.max(axis=(1, 2)), 0.99))


def test_errors_in_batches_have_the_same_summary_within_a_tenth_of_a_level() -> None:
    maps = np.random.default_rng(0).exponential(12, size=(100, 16, 16)).astype(np.float32)
    summary = ErrorMapSummary()
    for start in range(0, 100, 30):
        summary.add(maps[start : start + 30])
    batched, at_once = summary.result(), summarize_maps(maps)
    assert batched.median == pytest.approx(at_once.median, abs=0.15)
    assert batched.high == pytest.approx(at_once.high, abs=0.15)
    assert batched.highest == pytest.approx(at_once.highest, abs=0.15)


@pytest.mark.parametrize("value", [0.0, 3.14, 255.0])
def test_constant_maps_have_an_increasing_summary(value: float) -> None:
    maps = np.full((3, 4, 4), value, np.float32)
    summary = ErrorMapSummary()
    summary.add(maps)
    for result in (summary.result(), summarize_maps(maps)):
        result.check_ranges()


def test_a_summary_that_does_not_increase_is_invalid() -> None:
    with pytest.raises(ValueError, match="maps"):
        NormalMaps(2.0, 1.0, 3.0).check_ranges()


@pytest.mark.parametrize("score", ["local", "mse", "position"])
def test_calibrate_keeps_the_maps_of_normal_images(score: str, model: Model, output: ModelOutput) -> None:
    detector = calibrate(model, load("digits:test"), None, CalibrationOptions(score=score)).detector
    maps = detector.apply(output)[1]
    expected = summarize_maps(output.error_maps if maps is None else maps)
    kept = detector.header.normal_maps
    assert kept is not None
    assert kept.median == pytest.approx(expected.median, rel=0.2, abs=0.2)
    assert kept.high == pytest.approx(expected.high, rel=0.2)
