"""Plots of training: valid files that say what was learned, with nothing cut off."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.plots import confusion, loss, reconstructions
from tests.plots.colors import color_count
from tests.plots.extents import assert_inside, boxes, legend_texts, overlaps


def pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def history(losses: Sequence[float]) -> list[EpochMetrics]:
    return [EpochMetrics(index, index, value, value * 1.1, 0.1) for index, value in enumerate(losses, 1)]


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "losses",
    [[1.0], [1.0, 0.5], [1.0, 1.0, 1.0], [0.0], [1.0, 0.0], list(np.geomspace(1e3, 1e-6, 500)), [1e-12, 1e12], [-1.0]],
    ids=lambda losses: f"{len(losses)} of {losses[0]}",
)
def test_losses_of_any_range_are_drawn(losses: list[float], tmp_path: Path) -> None:
    loss.draw(history(losses), tmp_path / "loss.png")
    drawn = pixels(tmp_path / "loss.png")
    assert drawn.shape[0] > 300
    assert drawn.shape[1] > 500
    assert color_count(drawn) > 10


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("losses", [[1.0, 0.5], [0.01, 0.005], [0.0, 0.0]], ids=str)
def test_reference_losses_are_drawn_and_do_not_flatten_the_curves(losses: list[float], tmp_path: Path) -> None:
    loss.draw(history(losses), tmp_path / "plain.png")
    loss.draw(history(losses), tmp_path / "lines.png", {"mean_image": 0.9, "untrained_network": 1.0})
    plain, lines = (pixels(tmp_path / f"{name}.png").astype(int) for name in ("plain", "lines"))
    assert (plain != lines).any()
    blue = [(image[:, :, 2] - image[:, :, 0] > 100).any(axis=1).sum() for image in (plain, lines)]  # rows of a curve
    assert blue[1] > 0.6 * blue[0]


def test_losses_that_hardly_change_do_not_look_like_progress(drawn: list[Figure], tmp_path: Path) -> None:
    rows = [EpochMetrics(index, index, 1 - index / 1e4, 1.01 - index / 1e4, 0.1) for index in range(1, 9)]
    loss.draw(rows, tmp_path / "flat.png", {"mean_image": 0.5}, warning="no better than the mean image (1.0092)")
    axes = drawn[0].axes[0]
    low, high = axes.get_ylim()
    assert low < 0.5, "the mean image, which is better"
    assert 0.01 * (high - low) > 1.0099 - 1.0092
    assert "No better than the mean image" in drawn[0].get_suptitle()
    assert_inside([*drawn[0].texts, *legend_texts(axes), axes.title], drawn[0])
    loss.draw(rows, tmp_path / "alone.png")
    low, high = drawn[1].axes[0].get_ylim()
    assert high - low > 0.2


def test_accuracies_that_hardly_change_do_not_look_like_progress(drawn: list[Figure], tmp_path: Path) -> None:
    rows = [EpochMetrics(index, index, 1, 1, 0.1, 0.1, 0.1 + index / 1e3) for index in range(1, 9)]
    loss.draw(rows, tmp_path / "flat.png", accuracy_references={"most frequent class": 0.12})
    axes = drawn[0].axes[1]
    low, high = axes.get_ylim()
    assert high - low > 0.19
    assert high <= 1.03
    assert any("most frequent class: 0.12" in text.get_text() for text in legend_texts(axes))


def test_accuracies_are_a_second_panel(tmp_path: Path) -> None:
    plain = history([1.0, 0.1, 0.01])
    loss.draw(plain, tmp_path / "plain.png")
    loss.draw([replace(row, train_accuracy=0.5, val_accuracy=0.25) for row in plain], tmp_path / "both.png")
    width = pixels(tmp_path / "plain.png").shape[1]
    left, right = np.split(pixels(tmp_path / "both.png"), [width], axis=1)
    assert left.shape[1] == right.shape[1] == width
    assert color_count(right) > 10


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "names", [["a", "b"], ["$x", "two words"], ["\x1b[31m" * 9, "y" * 99], list(map(str, range(60)))]
)
def test_confusion_of_any_names_is_drawn(names: list[str], tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(0, 9, (len(names), len(names)))
    counts[0] = 0  # a class without an image
    confusion.draw(counts, names, tmp_path / "confusion.png")
    drawn = pixels(tmp_path / "confusion.png")
    assert min(drawn.shape[:2]) > 300
    assert color_count(drawn) > 10


def test_correct_predictions_are_blue_and_few_errors_are_visible(drawn: list[Figure], tmp_path: Path) -> None:
    confusion.draw(np.array([[99, 1, 0], [0, 5, 0], [0, 0, 0]]), ["a", "b", "c"], tmp_path / "confusion.png")
    (cells,) = (np.asarray(image.get_array()) for image in drawn[0].axes[0].images)
    red, _, blue, _ = np.moveaxis(cells, 2, 0)
    assert blue[0, 0] - red[0, 0] > 0.3
    assert red[0, 1] - blue[0, 1] > 0.1, "1% of the class"
    assert (cells[[0, 1, 2], [2, 0, 2]] == 1).all(), "no image"
    assert "0.9905, 104 of 105" in drawn[0].get_suptitle()


@pytest.mark.slow
@pytest.mark.parametrize("names", [["no", "yes"], [f"a long name of class {index}" for index in range(100)]], ids=len)
def test_names_of_classes_do_not_overlap_nor_leave_the_figure(
    names: list[str], drawn: list[Figure], tmp_path: Path
) -> None:
    confusion.draw(np.eye(len(names), dtype=np.int64), names, tmp_path / "confusion.png")
    axes = drawn[0].axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert len(labels) == len(names)
        assert overlaps(boxes(labels)) == 0
    outside = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
    bars = [text for bar in axes.child_axes for text in (bar.yaxis.label, *bar.get_yticklabels())]
    assert_inside([*outside, *bars, *drawn[0].texts], drawn[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", [(50, 1, 8, 8), (50, 3, 28, 28), (3, 3, 9, 13), (1, 1, 8, 8), (2, 1, 99, 99)], ids=str
)
def test_reconstructions_of_any_shape_are_drawn(shape: tuple[int, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    panels = {title: random.integers(0, 256, shape, dtype=np.uint8) for title in ("input", "reconstruction")}
    reconstructions.draw(panels, tmp_path / "panels.png")
    drawn = pixels(tmp_path / "panels.png")
    assert drawn.shape[1] > drawn.shape[0] / 3
    assert color_count(drawn) > 50
    colorful = np.ptp(drawn.astype(int), axis=2).max() > 50
    assert colorful == (shape[1] == 3)


def test_a_reconstruction_is_below_its_image_with_its_error(drawn: list[Figure], tmp_path: Path) -> None:
    images = np.stack([np.full((1, 8, 8), level, np.uint8) for level in range(0, 240, 20)])
    reconstructions.draw({"input": images, "reconstruction": images + np.uint8(3)}, tmp_path / "pairs.png")
    (axes,) = drawn[0].axes
    (shown,) = (np.asarray(image.get_array()) for image in axes.images)
    assert [text.get_text() for text in axes.texts] == ["9"] * 12
    for text, level in zip(axes.texts, range(0, 240, 20), strict=True):
        x, y = text.get_position()
        column = shown[: round(y), round(x)]
        changes = [value for value in column[np.r_[True, np.diff(column.astype(int)) != 0]] if value < 250]
        assert changes[-2:] == [level, level + 3]
    assert_inside([*axes.texts, *axes.get_yticklabels(), *drawn[0].texts], drawn[0])


def test_the_same_losses_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        loss.draw(history([1.0, 0.5, 0.4]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_error_while_drawing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="min"):
        loss.draw([], tmp_path / "loss.png")
    assert list(tmp_path.iterdir()) == []
