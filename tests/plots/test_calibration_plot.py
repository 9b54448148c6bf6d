"""The plot of a calibration: what it shows is there, nothing is cut off, whatever the scores are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.analyses.intervals import proportion_interval
from aecli.checkpoint import DataSource
from aecli.detection.calibration import Calibration, ScoreReport
from aecli.detection.detector import Detector, DetectorHeader
from aecli.detection.separation import separation
from aecli.plots.calibration import _range, draw

random = np.random.default_rng(0)
NORMAL = random.normal(3, 0.5, 300).astype(np.float32)
ANOMALOUS = random.normal(5, 1, 200).astype(np.float32)


def calibration(
    normal: NDArray[Any] = NORMAL,
    anomalous: NDArray[Any] | None = ANOMALOUS,
    threshold: float = 4.0,
    word: str = "digits:test",
) -> Calibration:
    known = anomalous is not None
    report = ScoreReport(
        "residual",
        threshold,
        proportion_interval(int((normal <= threshold).sum()), len(normal)),
        proportion_interval(int((anomalous > threshold).sum()), len(anomalous)) if known else None,
        separation(normal, anomalous, 0) if known else None,
    )
    source = DataSource(word, "sha256:1", len(normal))
    header = DetectorHeader("residual", threshold, "sha256:2", source, anomalous=source if known else None)
    return Calibration(Detector(header, {}), [report], normal, anomalous, {}, {}, [])


def pixels(found: Calibration, path: Path) -> NDArray[Any]:
    draw(found, path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(
    "found",
    {
        "normal alone": calibration(anomalous=None),
        "the wrong way round": calibration(ANOMALOUS, NORMAL),
        "one of each": calibration(NORMAL[:1], ANOMALOUS[:1]),
        "all equal": calibration(np.ones(30, np.float32), np.ones(30, np.float32), 1.0),
        "all 0": calibration(np.zeros(30, np.float32), None, 0.0),
        "outliers": calibration(NORMAL, np.append(ANOMALOUS, np.float32(1e6))),
        "very large": calibration(NORMAL * np.float32(1e20), ANOMALOUS * np.float32(1e20), 4e20),
        "threshold below": calibration(threshold=-2.0),
        "long and odd word": calibration(word="long/" * 40 + "a$_{x$:train"),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_every_calibration_becomes_a_picture(found, tmp_path: Path) -> None:
    picture = pixels(found[1], tmp_path / "plot.png")
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == 255).all(), "something is cut off"


def test_with_anomalies_there_is_a_curve_more(tmp_path: Path) -> None:
    both, alone = (pixels(calibration(anomalous=some), tmp_path / "p.png") for some in (ANOMALOUS, None))
    assert both.shape[1] == pytest.approx(1.5 * alone.shape[1], rel=0.05)


@pytest.mark.parametrize("threshold", [-2.0, 0.5, 4.0, 30.0])
def test_the_threshold_is_always_in_sight_and_outliers_hide_nothing(threshold) -> None:
    low, high = _range(calibration(NORMAL, np.append(ANOMALOUS, np.float32(1e6)), threshold))
    assert low < threshold < high < 100
    assert low < NORMAL.min()


def test_the_same_calibration_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(calibration(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
