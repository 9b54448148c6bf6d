"""The plot of a probe is not empty and nothing is cut off, for any methods and numbers of labels."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from aecli.analyses.knn_probe.probe import Accuracy, ProbeResult
from aecli.plots.knn_probe import CHANCE, _with_room, draw
from tests.plots.colors import color_count

METHODS = ("knn-euclidean", "knn-cosine", "linear", "label-spreading")


def result(counts: tuple[int, ...], methods: tuple[str, ...] = METHODS, features: int = 3) -> ProbeResult:
    names = ("codes", "pixels", "pca")[:features]
    random = np.random.default_rng(0)
    rows = [
        Accuracy(count, name, method, tuple(random.uniform(0.5, 0.6, 1 if count == 4000 else 4)))
        for count in counts
        for name in names
        for method in methods
    ]
    return ProbeResult(tuple(rows), 100, 4000, (), 0.25)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "methods", "features"),
    [
        ((100,), METHODS, 3),
        ((4000,), METHODS[:1], 1),
        ((10, 100), METHODS[:2], 3),
        ((10, 4000), METHODS[:1], 1),
        ((1, 10, 100, 1000, 3999, 4000), METHODS[:3], 3),
    ],
)
def test_every_combination_is_drawn_without_being_cut_off(
    counts: tuple[int, ...], methods: tuple[str, ...], features: int, tmp_path: Path
) -> None:
    draw(result(counts, methods, features), "a", "b", tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert color_count(pixels) > 20
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


@pytest.mark.parametrize("counts", [(100,), (10, 100)])
def test_every_panel_has_a_line_of_chance(counts: tuple[int, ...], drawn: list[Figure], tmp_path: Path) -> None:
    draw(result(counts), "a", "b", tmp_path / "plot.png")
    for axes in drawn[0].axes:
        (line,) = (line for line in axes.lines if line.get_label() == CHANCE)
        is_dots = len(counts) == 1
        assert set(np.asarray(line.get_data()[0 if is_dots else 1])) == {0.25}
        low, high = axes.get_xlim() if is_dots else axes.get_ylim()
        assert low < 0.25 < high
    assert CHANCE in [text.get_text() for text in drawn[0].legends[0].get_texts()]


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(result((10, 100)), "a", "b", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_tick_labels_without_room_are_left_out() -> None:
    assert _with_room([10, 100, 1000]) == [1000, 100, 10]
    assert _with_room([10, 3900, 4000]) == [4000, 10]


def test_long_names_and_special_characters_are_not_cut_off(tmp_path: Path) -> None:
    draw(result((100,)), "long/" * 40 + "a$_{x$:train", "long/" * 12 + "b:test", tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[:, :3] == 255).all()
    assert (pixels[:, -3:] == 255).all()
