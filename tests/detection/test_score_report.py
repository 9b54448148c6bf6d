"""The metrics of a score, in the file of a detector."""

from pathlib import Path
from typing import Any

import pytest

from aecli.analyses.intervals import Estimate
from aecli.checkpoint import DataSource
from aecli.detection.detector import DetectorHeader
from aecli.detection.score_report import ScoreReport, metrics_of
from aecli.detection.separation import Separation
from aecli.errors import InputError

ESTIMATE = Estimate(0.5, 0.25, 0.75)
REPORT = ScoreReport("residual", 1.0, ESTIMATE, ESTIMATE, Separation(ESTIMATE, ESTIMATE, ESTIMATE, ESTIMATE))


def header(measured: dict[str, Any]) -> DetectorHeader:
    return DetectorHeader("residual", 1.0, "sha256:0", DataSource("photos", "sha256:1", 4), measured=measured)


def test_the_metrics_of_a_detector_are_those_that_it_was_saved_with() -> None:
    images = {"images": {"normal": 2, "anomalous": 2}}
    assert metrics_of(header(REPORT.to_dict() | images)) == REPORT


@pytest.mark.parametrize("change", [{"separation": 3}, {"separation": {"auroc": 0.9}}, {"specificity": None}])
def test_damaged_metrics_are_an_error_that_names_the_file(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"damaged detector: run/detector\.safetensors"):
        metrics_of(header(REPORT.to_dict() | change), Path("run/detector.safetensors"))
