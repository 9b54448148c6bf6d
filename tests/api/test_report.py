"""`aecli.report`: the page of a run from Python."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.errors import InputError, UsageError


@pytest.fixture
def run(run_to_report: Path) -> Path:
    """Return a run folder that tests may change."""
    return run_to_report


def test_images_in_memory_are_measured(run: Path, digits: NDArray[np.uint8]) -> None:
    report = aecli.report(run, digits[:40], sample=20, labels="10", device="cpu")
    document = report.to_dict()
    assert document["images"]["count"] == 40
    assert document["map"]["drawn"] == 20
    assert not report.failures
    assert "40" in repr(report)

    assert report.save() == run / "report.html"
    page = report.save(run / "another.html")
    assert page.read_bytes() == (run / "report.html").read_bytes()
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_the_validation_images_of_the_run_are_the_default(run: Path) -> None:
    document = aecli.report(run, sample=20, method="pca", labels="10", examples=2, device="cpu").to_dict()
    assert document["images"]["count"] == 144
    assert document["few_labels"]["accuracies"]
    assert len(document["reconstructions"]["examples"]["best"]) == 2


def test_mistakes_are_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        aecli.report(tmp_path / "empty")
    with pytest.raises(UsageError, match="sample"):
        aecli.report(run, sample=1)
    with pytest.raises(UsageError, match="method"):
        aecli.report(run, method="isomap")
