"""The building blocks of pages: escaped, and readable on narrow screens."""

import numpy as np
import pytest

from aecli.pages import blocks
from tests.pages.test_inspection import Elements

HOSTILE = "<script>alert(1)</script>\" onclick='x'"


@pytest.mark.parametrize(
    "markup",
    [
        blocks.facts({HOSTILE: HOSTILE}),
        blocks.measures({HOSTILE: HOSTILE}),
        blocks.table([HOSTILE, "b"], [[HOSTILE, "1"]]),
        blocks.figure("", HOSTILE),
        blocks.image(blocks.picture(np.zeros((1, 2, 2)), 8), HOSTILE),
        blocks.contents({"a": HOSTILE}),
        blocks.folded(HOSTILE, ""),
        blocks.paragraph(HOSTILE),
    ],
)
def test_texts_are_escaped(markup: str) -> None:
    elements = Elements(markup)
    assert not elements.of("script")
    assert not any("onclick" in attributes for _, attributes in elements.found)
    assert "&lt;script&gt;" in markup


@pytest.mark.parametrize(
    "cell", ["1,234", "-0.5", "12.3%", "1.5 dB", "inf", "", "44.3% ± 6.2%", "0.79 to 0.86", "1e-05"]
)
def test_numbers_are_aligned_to_the_right(cell: str) -> None:
    assert f'<td class="number">{cell}</td>' in blocks.table(["name", "value"], [["a", cell]])


@pytest.mark.parametrize("cell", ["JPEG 75", "3 of 4 images", "x"])
def test_other_cells_are_not(cell: str) -> None:
    assert f"<td>{cell}</td>" in blocks.table(["name", "value"], [["a", "1"], ["b", cell]])


def test_long_texts_get_a_readable_width() -> None:
    assert '<td class="prose">' in blocks.table(
        ["name", "value"], [["a", "a text of several words that must be wrapped"]]
    )


def test_a_table_scrolls_and_can_be_reached_by_the_keyboard() -> None:
    assert blocks.table(["a"], [["b"]]).startswith('<div class="scroll" tabindex="0"')


def test_small_images_lose_nothing_and_large_ones_are_limited() -> None:
    small, large = (np.random.default_rng(0).integers(0, 256, (3, side, side)) for side in (28, 300))
    assert blocks.picture(small, 224).kind == "png"
    picture = blocks.picture(large, 100)
    assert (picture.kind, picture.size) == ("jpeg", (100, 100))
