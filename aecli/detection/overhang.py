"""How far maps of scores extend beyond the image, where networks and blocks pad it.

A map of 7 positions of 16 pixels covers 112 pixels. Of an image of 100 pixels, 0.75 positions then lie beyond its edge.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecli.checkpoint import CheckpointHeader

Overhang = tuple[float, float]
"""How many rows and columns of a map lie beyond the lower and the right edge of the image, each in [0, 1)."""
NO_OVERHANG: Overhang = (0.0, 0.0)


def code_overhang(header: "CheckpointHeader") -> Overhang:
    """Return the overhang of codes that are maps.

    Autoencoders and classifiers pad images to multiples of a power of two, the pixels between two positions of the
    code. Models of features instead resize the maps of their network to an even division of the image.
    """
    if header.task == "features" or len(header.code_shape) != 3:
        return NO_OVERHANG
    _, height, width = header.image_shape
    _, rows, columns = header.code_shape
    pixels = 1
    while height > rows * pixels or width > columns * pixels:
        pixels *= 2
    if (-(-height // pixels), -(-width // pixels)) != (rows, columns):
        return NO_OVERHANG
    return rows - height / pixels, columns - width / pixels


def block_overhang(height: int, width: int, side: int) -> Overhang:
    """Return the overhang of the `block_means` of (H, W) pixels, whose last blocks are cut off by the image."""
    return -(-height // side) - height / side, -(-width // side) - width / side
