"""Arrange images in a grid."""

import numpy as np
from numpy.typing import NDArray

from aecli.errors import UsageError

MAX_GRID_PIXELS = 100_000_000
MIN_SIDE = 64
"""Images with a shorter side are enlarged by a whole factor, so that their pixels are visible."""


def grid(images: NDArray[np.uint8], columns: int | None = None) -> NDArray[np.uint8]:
    """Arrange (N, C, H, W) uint8 images in rows, with thin white gaps; return (C, rows H', columns W') uint8.

    Without `columns`, the grid is about square.

    Raises:
        UsageError: the grid would have more than 100 million pixels.
    """
    count, channels, height, width = images.shape
    scale = max(1, MIN_SIDE // min(height, width))
    while scale > 1 and count * height * width * scale**2 > MAX_GRID_PIXELS // 10:
        scale -= 1
    columns = columns or max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    gap = max(1, scale // 2)
    cell_height, cell_width = height * scale + gap, width * scale + gap
    if rows * cell_height * columns * cell_width > MAX_GRID_PIXELS:
        raise UsageError(f"{count:,} images are too many for one grid", hint="write a folder or an .npz with -o")
    canvas = np.full((channels, rows * cell_height + gap, columns * cell_width + gap), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * cell_height + gap, index % columns * cell_width + gap
        enlarged = image.repeat(scale, axis=1).repeat(scale, axis=2)
        canvas[:, top : top + height * scale, left : left + width * scale] = enlarged
    return canvas
