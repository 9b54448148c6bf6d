"""Warnings about thresholds that come from few images."""

from dataclasses import replace

import numpy as np
import pytest

from aecli.checkpoint import DataSource
from aecli.detection.detector import DetectorHeader, Logistic
from aecli.detection.small_samples import flagged_text, small_sample_warning

DEFAULT = DetectorHeader("residual", 1.0, "sha256:0", DataSource("photos", "sha256:1", 4), quantile=0.99)


def calibrated(normal: int, anomalous: int = 0, quantile: float | None = None) -> DetectorHeader:
    """Return a detector that was fitted on one half of the images, and evaluated on the other half."""
    measured = {
        "images": {"normal": normal // 2, "anomalous": anomalous // 2},
        "score": "residual",
        "threshold": 1.0,
        "specificity": {"value": 1.0, "low": 0.61, "high": 1.0},
        "recall": None,
        "separation": None,
    }
    return replace(
        DEFAULT,
        normal=DataSource("photos@good", "sha256:1", normal),
        anomalous=DataSource("photos@bad", "sha256:2", anomalous) if anomalous else None,
        logistic=Logistic(1.0, 0.0) if quantile is None else None,
        quantile=quantile,
        measured=measured,
    )


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        (DEFAULT, ("4 validation images", "20%", "53%", "1%")),
        (replace(DEFAULT, normal=DataSource("photos", "sha256:1", 1)), ("1 validation image:", "50%", "95%")),
        (calibrated(12, quantile=0.99), ("6 normal images", "14%", "39%")),
        (calibrated(12, 10), ("6 normal images", "5 anomalous images", "0% to 39%")),
        (calibrated(200, 10), ("100 normal images", "5 anomalous images")),
    ],
)
def test_few_images_are_a_warning_with_their_number(header: DetectorHeader, facts: tuple[str, ...]) -> None:
    warning = small_sample_warning(header)
    assert warning is not None
    assert not [fact for fact in facts if fact not in warning]


@pytest.mark.parametrize(
    "header",
    [
        replace(DEFAULT, normal=DataSource("photos", "sha256:1", 50)),
        replace(DEFAULT, quantile=0.75),
        replace(DEFAULT, quantile=None),  # the user's own threshold
        calibrated(100, quantile=0.99),
        calibrated(20, 20),
    ],
)
def test_enough_images_are_no_warning(header: DetectorHeader) -> None:
    assert small_sample_warning(header) is None


def test_metrics_by_the_names_of_0_1_give_the_same_warning() -> None:
    header = calibrated(12, 10)
    former = {"specificity": "normal_right", "recall": "anomalous_right"}
    measured = {former.get(name, name): value for name, value in header.measured.items()}
    assert small_sample_warning(replace(header, measured=measured)) == small_sample_warning(header)


def test_damaged_metrics_do_not_stop_the_warning() -> None:
    for measured in ({"images": None}, {"images": {"normal": "x"}}, {"specificity": 3}):
        header = replace(calibrated(6, 6), measured=measured)
        assert "6 normal images" in str(small_sample_warning(header))


@pytest.mark.parametrize("count", [2, 4, 12])
def test_the_fractions_hold_for_random_scores(count: int) -> None:
    """The threshold is the largest of `count` uniform scores: it flags 1 - threshold of all."""
    flagged = 1 - np.random.default_rng(0).random((100_000, count)).max(axis=1)
    text = flagged_text(count, 0.99)
    assert f"about {flagged.mean():.0%}" in text
    assert f"up to {np.quantile(flagged, 0.95):.0%}" in text
