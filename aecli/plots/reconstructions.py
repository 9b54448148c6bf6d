"""Images and their reconstructions, one above the other, with the error of each."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.plots.figure import figure, image_pixels

COLUMNS, COLUMNS_OF_WIDE = 10, 5
"""Images in a row; fewer if they are more than `WIDE` times as wide as high."""
WIDE = 2
WIDTH, LARGEST = 8.6, 1.7
"""Inches of a row of images, and of the longer side of an image at most."""
TEXT, MARGIN, GAP, TITLE, NARROWEST = 0.26, 1.2, 0.05, 0.5, 4.2
"""Inches of the errors below the images, of the titles at the left, between images, of the title, and of the figure."""
CELL_PIXELS = 160
"""Images are enlarged by a whole factor up to about this size, so that their pixels stay sharp squares."""


def draw(panels: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Draw (N, C, H, W) images by title: those of one index below each other, the original first, ten in a row.

    Below the last one is its mean squared error, that is its difference from the first one.
    """
    first, *_, last = panels.values()
    errors = np.square(first.astype(np.float32) - last).mean(axis=(1, 2, 3))
    count, _, height, width = first.shape
    columns = min(count, COLUMNS if width <= WIDE * height else COLUMNS_OF_WIDE)
    groups = -(-count // columns)
    inches = min((WIDTH + GAP) / columns - GAP, LARGEST * width / max(height, width))  # of the width of an image
    scale = max(1, round(CELL_PIXELS / max(height, width)))
    per_inch = width * scale / inches
    gap, text = round(GAP * per_inch), round(TEXT * per_inch)
    step_down, step_right = height * scale + gap, width * scale + gap
    group_height = len(panels) * step_down + text
    canvas = np.full((first.shape[1], groups * group_height, columns * step_right), 255, np.uint8)
    grid_width, grid_height = canvas.shape[2] / per_inch, canvas.shape[1] / per_inch
    size = max(NARROWEST, MARGIN + grid_width + GAP), grid_height + TITLE
    with figure(path, size, layout=None) as drawn:
        axes = drawn.add_axes((MARGIN / size[0], 0, grid_width / size[0], grid_height / size[1]))
        for index in range(count):
            group, left = index // columns, index % columns * step_right
            for row, images in enumerate(panels.values()):
                top = group * group_height + row * step_down
                enlarged = images[index].repeat(scale, axis=1).repeat(scale, axis=2)
                canvas[:, top : top + height * scale, left : left + width * scale] = enlarged
            below = (group + 1) * group_height - text
            axes.text(left + width * scale / 2, below, _short(errors[index]), fontsize=8, ha="center", va="top")
        axes.imshow(image_pixels(canvas), cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
        middles = {
            group * group_height + row * step_down + height * scale / 2: title
            for group in range(groups)
            for row, title in enumerate(panels)
        }
        axes.set_yticks(list(middles), list(middles.values()), fontsize=9)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        title = "Validation images: below each its mean squared error,\nof pixels from 0 to 255; on average "
        drawn.suptitle(f"{title}{_short(errors.mean())}", fontsize=9, y=1 - 0.06 / size[1])


def _short(error: float) -> str:
    return f"{error:,.0f}" if error >= 100 else f"{error:.3g}"
