"""Plots of training are valid, nonempty PNG files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.plots import confusion, loss, reconstructions
from tests.plots.colors import color_count


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


def test_correct_predictions_are_dark_on_the_diagonal(tmp_path: Path) -> None:
    confusion.draw(np.diag([3, 4, 5]), ["a", "b", "c"], tmp_path / "right.png")
    confusion.draw(np.diag([3, 4, 5])[::-1], ["a", "b", "c"], tmp_path / "wrong.png")
    right, wrong = (pixels(tmp_path / f"{name}.png").astype(int) for name in ("right", "wrong"))
    dark = [(image[:, :, 2] - image[:, :, 0] > 40) & (image[:, :, 0] < 30) for image in (right, wrong)]
    corner = (slice(30, right.shape[0] // 3), slice(60, right.shape[1] // 4))
    assert dark[0][corner].mean() > 0.5
    assert dark[1][corner].mean() < 0.1


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


def test_panels_show_their_images(tmp_path: Path) -> None:
    black, white = (np.full((10, 1, 8, 8), level, np.uint8) for level in (0, 255))
    reconstructions.draw({"black": black, "white": white}, tmp_path / "panels.png")
    drawn = pixels(tmp_path / "panels.png")
    left, right = np.array_split(drawn, 2, axis=1)
    assert (left < 30).mean() > 0.3
    assert (right > 225).mean() > 0.9


def test_the_same_losses_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        loss.draw(history([1.0, 0.5, 0.4]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_error_while_drawing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="min"):
        loss.draw([], tmp_path / "loss.png")
    assert list(tmp_path.iterdir()) == []
