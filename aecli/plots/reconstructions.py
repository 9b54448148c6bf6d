"""Images and their reconstructions side by side."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.grids import grid
from aecli.plots.figure import figure, image_pixels

COLUMNS = 10


def draw(panels: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Draw a grid of images, ten per row, for each panel: (N, C, H, W) images by title."""
    grids = {title: grid(images, COLUMNS) for title, images in panels.items()}
    _, height, width = next(iter(grids.values())).shape
    panel_width = 4.6
    size = (panel_width * len(grids), panel_width * height / width + 0.4)
    with figure(path, size, dpi=150) as drawn:
        axes = drawn.subplots(1, len(grids), squeeze=False)[0]
        for axis, (title, image_grid) in zip(axes, grids.items(), strict=True):
            axis.imshow(image_pixels(image_grid), cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            axis.set_title(title)
            axis.set_axis_off()
