"""The plot of `aecli compare`: a bar only for what applies, one unit in a panel, nothing cut off."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from aecli.analyses.intervals import proportion_interval
from aecli.analyses.knn_probe.probe import Accuracy
from aecli.checkpoint import resolve_checkpoint
from aecli.inference.training_overlap import TrainingOverlap
from aecli.plots.comparison import NONE, draw
from aecli.reports.compare import ComparedRun, read_runs
from tests.plots.extents import assert_inside

NAME = "a long name of a run with $x_1$ and <b>"


@pytest.fixture
def measured(conv_run: Path, mlp_run: Path) -> list[ComparedRun]:
    """Return an autoencoder with a detector, and a classifier; the metrics are made up."""
    autoencoder, other = read_runs([resolve_checkpoint(run) for run in (conv_run, mlp_run)])
    autoencoder = replace(autoencoder, auroc=0.999)
    recipe = other.header.recipe | {"objective": {"loss": "cross-entropy"}}
    history = [replace(row, train_accuracy=0.5, val_accuracy=0.6) for row in other.history]
    classifier = replace(other, name=NAME, header=replace(other.header, recipe=recipe), history=history)
    overlap = TrainingOverlap(None, ())
    knn = Accuracy(100, "codes", "knn-euclidean", (0.7, 0.8))
    return [
        ComparedRun(autoencoder, 1.0, 300.0, knn, None, overlap, 1000.0),
        ComparedRun(classifier, None, None, None, proportion_interval(90, 100), overlap, 2000.0),
    ]


def test_what_does_not_apply_has_no_bar(measured: list[ComparedRun], drawn: list[Figure], tmp_path: Path) -> None:
    draw(measured, tmp_path / "plot.png")
    panels = {axes.get_title(): axes for axes in drawn[0].axes}
    for title, count in {"AUROC of the detector": 1, "mean squared error, pixels 0 to 255": 1, "code units": 2}.items():
        assert len(panels[title].patches) == count, title
        assert [text.get_text() for text in panels[title].texts].count(NONE) == 2 - count, title
    for title in ("AUROC of the detector", "accuracy"):
        assert panels[title].get_xlim() == (0, 1)


def test_losses_in_other_units_have_their_own_panel(
    measured: list[ComparedRun], drawn: list[Figure], tmp_path: Path
) -> None:
    draw(measured, tmp_path / "plot.png")
    losses = [axes for axes in drawn[0].axes if "loss" in axes.get_title()]
    assert len(losses) == 2
    assert sum("nats" in axes.get_title() for axes in losses) == 1


@pytest.mark.parametrize(("images", "expected"), [("digits:test", "digits:test"), (None, "validation")])
def test_the_title_names_the_images(
    images: str | None, expected: str, measured: list[ComparedRun], drawn: list[Figure], tmp_path: Path
) -> None:
    draw(measured, tmp_path / "plot.png", images=images)
    assert expected in drawn[0].get_suptitle()
    assert "test" not in "".join(axes.get_title() for axes in drawn[0].axes)


def test_nothing_is_cut_off(measured: list[ComparedRun], drawn: list[Figure], tmp_path: Path) -> None:
    draw(measured * 6, tmp_path / "plot.png")
    for axes in drawn[0].axes:
        if axes.get_visible():
            assert_inside([axes.title, *axes.texts], drawn[0])
            box = axes.get_tightbbox()
            assert box is not None and box.x0 >= -1, "names"  # noqa: PT018
    assert_inside([*drawn[0].texts, *drawn[0].legends[0].get_texts()], drawn[0])
