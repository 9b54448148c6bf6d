"""Charts as SVG: ticks, places, and names that are escaped."""

import math
import re

import numpy as np
import pytest

from aecli.pages import charts
from aecli.pages.charts import Axis, Series

HOSTILE = "</svg><script>alert(1)</script>"


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("span", [(1, 2), (0.001, 900), (17.3, 17.4), (1, 20_000), (5, 5), (1e-9, 1e9)], ids=str)
def test_ticks_are_few_round_and_on_the_axis(span: tuple[float, float], is_log: bool) -> None:
    axis = Axis.around("x", span, is_log=is_log)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 9
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    assert axis.place(axis.low) == pytest.approx(0)
    assert axis.place(axis.high) == pytest.approx(1)
    assert 0 < axis.place(span[0]) <= axis.place(span[1]) < 1


def test_whole_numbers_have_no_ticks_between() -> None:
    assert Axis.around("epoch", [1, 3], is_whole=True).ticks() == [1, 2, 3]


def test_negative_values_have_no_logarithmic_axis() -> None:
    assert not Axis.around("x", [-1, 1], is_log=True).is_log


def test_lines_are_thinned_and_skip_what_is_not_finite() -> None:
    x = list(range(5000))
    y = [math.nan if value == 0 else float(value) for value in x]
    markup = charts.line_chart([Series("a", x, y)], Axis.around("x", x), Axis.around("y", y), "a line")
    points = re.findall(r'<polyline class="line s0" points="([^"]*)"', markup)[0].split()
    assert 300 < len(points) <= charts.MOST_POINTS
    assert "nan" not in markup


def test_references_outside_of_the_axis_are_left_out() -> None:
    axes = Axis("x", 0, 1), Axis("y", 0, 1)
    markup = charts.line_chart([Series("a", [0, 1], [0, 1])], *axes, "", {"inside": 0.5, "outside": 2})
    assert "inside" in markup
    assert "outside" not in markup


def test_bars_add_up_to_all_images_of_each_group() -> None:
    random = np.random.default_rng(0)
    markup = charts.histogram({"a": random.normal(size=50), "b": random.normal(3, 1, 500)}, "x", "", ("line", 1.0))
    heights = dict.fromkeys("01", 0.0)
    for name, height in re.findall(r'<rect class="f(\d)"[^>]* height="([\d.]+)"', markup):
        heights[name] += float(height)
    assert heights["0"] == pytest.approx(heights["1"], rel=0.05)
    assert "line" in markup


def test_equal_values_can_be_drawn() -> None:
    assert "<rect" in charts.histogram({"": np.ones(5)}, "x", "")


@pytest.mark.parametrize("count", [2, 10, 40])
def test_a_cell_for_each_pair_of_classes_that_occurs(count: int) -> None:
    counts = np.eye(count, dtype=int) * 3
    markup = charts.confusion(counts, [f"class {number}" for number in range(count)], "")
    assert markup.count("<rect") == count


def test_names_are_escaped() -> None:
    axes = Axis.around(HOSTILE, [0, 1]), Axis.around(HOSTILE, [0, 1])
    markup = charts.line_chart([Series(HOSTILE, [0], [1]), Series("b", [0], [1])], *axes, HOSTILE, {HOSTILE: 0.5})
    markup += charts.histogram({HOSTILE: np.arange(3.0), "b": np.arange(3.0)}, HOSTILE, HOSTILE, (HOSTILE, 1.0))
    markup += charts.confusion(np.eye(2, dtype=int), [HOSTILE, "b"], HOSTILE)
    assert "<script" not in markup
