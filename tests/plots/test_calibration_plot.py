"""Plot of a calibration: complete for any scores, and not cut off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import auc

from aecli.analyses.intervals import proportion_interval
from aecli.checkpoint import DataSource
from aecli.detection.calibration import Calibration
from aecli.detection.detector import Detector, DetectorHeader
from aecli.detection.score_report import ScoreReport
from aecli.detection.separation import separation
from aecli.plots.calibration import _roc, draw
from tests.plots.colors import color_count

Scores = NDArray[np.float32]

random = np.random.default_rng(0)
NORMAL = random.normal(3, 0.5, 300).astype(np.float32)
ANOMALOUS = random.normal(5, 1, 200).astype(np.float32)


def calibration(
    normal: Scores = NORMAL,
    anomalous: Scores | None = ANOMALOUS,
    threshold: float = 4.0,
    word: str = "digits:test",
) -> Calibration:
    report = ScoreReport(
        "residual",
        threshold,
        proportion_interval(int((normal <= threshold).sum()), len(normal)),
        None if anomalous is None else proportion_interval(int((anomalous > threshold).sum()), len(anomalous)),
        None if anomalous is None else separation(normal, anomalous, 0),
    )
    source = DataSource(word, "sha256:1", len(normal))
    header = DetectorHeader("residual", threshold, "sha256:2", source, anomalous=None if anomalous is None else source)
    return Calibration(Detector(header, {}), [report], normal, anomalous, {}, {}, [])


def pixels_of(plotted: Calibration, path: Path) -> NDArray[np.uint8]:
    draw(plotted, path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


CALIBRATIONS = {
    "normal only": calibration(anomalous=None),
    "inverted": calibration(ANOMALOUS, NORMAL),
    "one of each": calibration(NORMAL[:1], ANOMALOUS[:1]),
    "all equal": calibration(np.ones(30, np.float32), np.ones(30, np.float32), 1.0),
    "all 0": calibration(np.zeros(30, np.float32), None, 0.0),
    "outliers": calibration(NORMAL, np.append(ANOMALOUS, np.float32(1e6))),
    "very large": calibration(NORMAL * np.float32(1e20), ANOMALOUS * np.float32(1e20), 4e20),
    "threshold below": calibration(threshold=-2.0),
    "long word with markup": calibration(word="long/" * 40 + "a$_{x$:train"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALIBRATIONS)
def test_a_plot_is_drawn_and_not_cut_off(name: str, tmp_path: Path) -> None:
    pixels = pixels_of(CALIBRATIONS[name], tmp_path / "plot.png")
    assert color_count(pixels) > 20
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


def test_anomalies_and_other_scores_or_baselines_add_a_panel(drawn: list[Figure], tmp_path: Path) -> None:
    one = calibration()
    several = replace(one, baselines=[replace(one.reports[0], score="mean gray")])
    for each in (calibration(anomalous=None), one, several):
        draw(each, tmp_path / "p.png")
    assert [len(figure.axes) for figure in drawn] == [2, 3, 4]


@pytest.mark.parametrize("name", [name for name, each in CALIBRATIONS.items() if each.anomalous_scores is not None])
def test_the_area_under_the_drawn_curve_is_the_auroc(name: str) -> None:
    axes = Figure().subplots()
    _roc(axes, CALIBRATIONS[name])
    fpr, tpr = (np.asarray(values) for values in axes.lines[0].get_data())
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert auc(fpr, tpr) == pytest.approx(CALIBRATIONS[name].reports[0].auroc)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_every_score_is_inside_the_axes_and_counted(name: str, drawn: list[Figure], tmp_path: Path) -> None:
    plotted = CALIBRATIONS[name]
    draw(plotted, tmp_path / "plot.png")
    boxes, histograms, *_ = drawn[0].axes
    groups = [scores for scores in (plotted.normal_scores, plotted.anomalous_scores) if scores is not None]
    values = np.concatenate([*groups, [plotted.detector.header.threshold]])
    for low, high in (boxes.get_ylim(), histograms.get_xlim()):
        assert low <= values.min()
        assert values.max() <= high
    for whisker in boxes.lines[: 4 * len(groups)]:
        assert boxes.get_ylim()[0] <= np.min(whisker.get_ydata())
        assert np.max(whisker.get_ydata()) <= boxes.get_ylim()[1]
    for bars in histograms.containers:
        assert sum(bar.get_height() for bar in bars) == pytest.approx(100)


def test_outliers_do_not_hide_the_other_scores(drawn: list[Figure], tmp_path: Path) -> None:
    draw(CALIBRATIONS["outliers"], tmp_path / "plot.png")
    axes = drawn[0].axes[0]
    normal = axes.transData.transform([(1, NORMAL.min()), (1, NORMAL.max())])[:, 1]
    assert np.ptp(normal) > 0.05 * axes.get_window_extent().height
    draw(CALIBRATIONS["long word with markup"], tmp_path / "plot.png")
    assert drawn[1].axes[0].get_yscale() == "linear"


def test_intervals_of_the_auroc_are_inside_the_axes(drawn: list[Figure], tmp_path: Path) -> None:
    one = CALIBRATIONS["inverted"]
    draw(replace(one, baselines=[replace(one.reports[0], score="mean gray")]), tmp_path / "plot.png")
    low, high = drawn[0].axes[3].get_xlim()
    separated = one.reports[0].separation
    assert separated
    assert low <= separated.auroc.low
    assert 1 <= high <= 1.02


def test_equal_calibrations_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(calibration(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
