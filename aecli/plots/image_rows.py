"""Rows of images with a caption each: queries and what was found for them, or groups of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.plots.figure import figure, image_pixels, shortened

CELL, CAPTION, GAP = 1.1, 0.42, 0.12
"""Inches of the longer side of an image, of its caption, and between images."""
CAPTION_LENGTH = 18
COLUMNS = 11
"""Short rows are drawn side by side, as long as a line has at most this many images."""
CELL_PIXELS = 165
"""Images are enlarged by a whole factor up to about this size, so that their pixels stay sharp squares."""


@dataclass(frozen=True)
class Cell:
    """An image in a row."""

    pixels: NDArray[np.uint8] | None
    """(C, H, W); None if it is not known."""
    name: str
    note: str = ""
    """What stands below its name, such as a distance."""
    is_query: bool = False
    """Whether it is framed."""


def draw(rows: Sequence[Sequence[Cell]], path: Path, dpi: int | None = None) -> None:
    """Draw rows of images, each below the other; they may differ in length.

    Raises:
        UsageError: the suffix is not supported, or the figure is too large.
        UnavailableError: the file cannot be written.
    """
    known = next((cell.pixels for row in rows for cell in row if cell.pixels is not None), None)
    height, width = (1, 1) if known is None else known.shape[1:]
    cell_width, cell_height = max(CELL * min(1, width / height), 0.8), CELL * min(1, height / width)
    longest = max(map(len, rows))
    side_by_side = min(max(COLUMNS // (longest + 1), 1), len(rows))
    row_width = longest * (cell_width + GAP) + (CELL / 2 if side_by_side > 1 else 0)
    size = (side_by_side * row_width + GAP, -(-len(rows) // side_by_side) * (cell_height + CAPTION) + GAP)
    with figure(path, size, dpi, layout=None) as drawn:
        for number, row in enumerate(rows):
            bottom = size[1] - GAP - (number // side_by_side) * (cell_height + CAPTION) - cell_height
            for column, cell in enumerate(row):
                left = number % side_by_side * row_width + column * (cell_width + GAP) + GAP
                axis = drawn.add_axes(
                    (
                        left / size[0],
                        bottom / size[1],
                        cell_width / size[0],
                        cell_height / size[1],
                    )
                )
                axis.grid(visible=False)
                axis.set_xticks([])
                axis.set_yticks([])
                for spine in axis.spines.values():
                    spine.set(visible=cell.is_query or cell.pixels is None, linewidth=1.5 if cell.is_query else 0.5)
                axis.set_xlabel(
                    f"{shortened(cell.name, CAPTION_LENGTH)}\n{cell.note}", fontsize=6, labelpad=2, parse_math=False
                )
                if cell.pixels is None:
                    axis.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=6, transform=axis.transAxes)
                    continue
                scale = max(1, CELL_PIXELS // max(cell.pixels.shape[1:]))
                pixels = cell.pixels.repeat(scale, axis=1).repeat(scale, axis=2)
                axis.imshow(image_pixels(pixels), cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
