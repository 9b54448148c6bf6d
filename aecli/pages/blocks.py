"""The parts of pages that are read: facts, tables, figures, contents. Their style is `STYLE`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.pages.document import Picture, asset, text

STYLE = asset(__package__, "blocks.css")
_VALUE = r"[-+]?[\d.,]+(e[-+]?\d+)?( ?(%|dB|K|s))?|inf"
NUMBER = re.compile(rf"({_VALUE})(( ± | to )({_VALUE}))?|\u2013|")
"""A number, a number and its deviation, an interval, or nothing."""
PROSE_LENGTH = 32
"""Cells with more characters are wrapped, in a column that stays wide enough to be read."""
LARGEST_PNG = 64 * 64
"""Images of more pixels are stored as JPEG."""
QUALITY = 82


def facts(pairs: Mapping[str, str]) -> str:
    """Return names and values, one below the other; the texts are escaped."""
    items = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs.items())
    return f'<dl class="facts">{items}</dl>'


def measures(pairs: Mapping[str, str]) -> str:
    """Return the most important values in large type, with what they are; the texts are escaped."""
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs.items())
    return f'<dl class="measures">{items}</dl>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], strong: Sequence[int] = ()) -> str:
    """Return a table that scrolls on a narrow screen; the texts are escaped.

    Columns of numbers are aligned to the right. The rows at the indices `strong` are emphasized.
    """
    body = [list(row) for row in rows]
    numeric = [column > 0 and all(NUMBER.fullmatch(row[column]) for row in body) for column in range(len(columns))]
    lines = ["<table>", f"<thead>{_row('th', columns, numeric)}</thead>", "<tbody>"]
    lines += [_row("td", row, numeric, is_strong=index in strong) for index, row in enumerate(body)]
    return scrolling("".join([*lines, "</tbody>", "</table>"]))


def scrolling(markup: str) -> str:
    """Return the markup of a table in a frame that scrolls sideways where the page is narrower; a key can scroll it."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="Table">{markup}</div>'


def cell_class(content: str, *, is_number: bool) -> str:
    """Return the class of a cell: of numbers to the right, of long texts with a readable width, or none."""
    return "number" if is_number else "prose" if len(content) > PROSE_LENGTH else ""


def figure(content: str, caption: str) -> str:
    """Return markup with a caption, which is escaped."""
    return f"<figure>{content}<figcaption>{text(caption)}</figcaption></figure>"


def image(picture: Picture, description: str, *, is_small: bool = False) -> str:
    """Return an image; `is_small` keeps its pixels sharp. The description is escaped."""
    name = ' class="pixels"' if is_small else ""
    width, height = picture.size
    return f'<img{name} src="{picture.source}" width="{width}" height="{height}" alt="{text(description)}">'


def strip(images: Iterable[str]) -> str:
    """Return images of one size side by side."""
    return f'<div class="strip">{"".join(images)}</div>'


def beside(left: Iterable[str], right: Iterable[str]) -> str:
    """Return two groups of blocks side by side, or one below the other on a narrow screen."""
    return f'<div class="beside"><div>{"".join(left)}</div><div>{"".join(right)}</div></div>'


def gallery(figures: Iterable[str], size: str = "") -> str:
    """Return figures in as many columns as fit; `size` is `narrow`, `wide` or empty for one between."""
    return f'<div class="{f"gallery {size}".strip()}">{"".join(figures)}</div>'


def contents(links: Mapping[str, str]) -> str:
    """Return links to the parts of the page, by anchor; the titles are escaped."""
    items = "".join(f'<li><a href="#{anchor}">{text(title)}</a></li>' for anchor, title in links.items())
    return f'<nav class="contents" aria-label="Contents"><ul>{items}</ul></nav>'


def folded(title: str, content: str) -> str:
    """Return content that is shown when its title, which is escaped, is clicked."""
    return f'<details class="more"><summary>{text(title)}</summary>{content}</details>'


def paragraph(content: str, css_class: str = "") -> str:
    """Return a paragraph; the text is escaped."""
    name = f' class="{css_class}"' if css_class else ""
    return f"<p{name}>{text(content)}</p>"


def picture(pixels: NDArray[Any], longest: int) -> Picture:
    """Return a (C, H, W) image of levels in 0..255 as an encoded image of at most `longest` pixels on a side.

    Small ones are PNG, and lose nothing.
    """
    from PIL import Image

    levels = np.rint(pixels).clip(0, 255).astype(np.uint8)
    drawn = Image.fromarray(levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0)))
    return encoded(drawn, longest)


def encoded(drawn: Any, longest: int) -> Picture:
    """Return a Pillow image as an encoded image of at most `longest` pixels on a side."""
    from PIL import Image

    if max(drawn.size) > longest:
        factor = longest / max(drawn.size)
        size = max(1, round(drawn.width * factor)), max(1, round(drawn.height * factor))
        drawn = drawn.resize(size, Image.Resampling.LANCZOS)
    content = BytesIO()
    if drawn.width * drawn.height <= LARGEST_PNG:
        drawn.save(content, format="PNG", optimize=True)
        return Picture("png", content.getvalue(), drawn.size)
    drawn.save(content, format="JPEG", quality=QUALITY)
    return Picture("jpeg", content.getvalue(), drawn.size)


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool], *, is_strong: bool = False) -> str:
    row = "".join(_cell(tag, cell, is_number=is_number) for cell, is_number in zip(cells, numeric, strict=True))
    return f'<tr class="strong">{row}</tr>' if is_strong else f"<tr>{row}</tr>"


def _cell(tag: str, content: str, *, is_number: bool) -> str:
    name = cell_class(content, is_number=is_number)
    start = f'{tag} class="{name}"' if name else tag
    return f"<{start}>{text(content)}</{tag}>"
