"""A decoded image that is cut into tiles, some at a time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.formats.color_profiles import ProfileUse
from aecli.data.levels import ValueRange
from aecli.data.resize import resized, to_channels, to_pil, to_pixels
from aecli.data.shapes import FullShape
from aecli.data.tiling import Corner, Tiling
from aecli.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class TiledImage:
    """An image in its own size; only the tiles that are asked for are copied."""

    image: "Image"
    """In mode L or RGB."""
    native: FullShape
    """The file's own (C, H, W)."""
    conversion: Conversion
    """The tiling, and the complete shape to which tiles are resized."""
    depth: ValueRange | None = None
    """The smallest and the largest value of an image of more than 8 bits; None for other images."""
    profile: ProfileUse | None = None
    """Whether the image's ICC profile was applied, or could not be; None without one, and for sRGB."""

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], conversion: Conversion, depth: ValueRange | None = None) -> "TiledImage":
        """Return a (C, H, W) uint8 array as an image to cut.

        Raises:
            InputError: there would be too many tiles.
        """
        if conversion.tiles and (reason := conversion.tiles.refusal(*pixels.shape[1:])):
            raise InputError(reason, hint="use larger tiles, or less overlap")
        channels = cast(FullShape, conversion.shape)[0]
        native = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        return cls(to_pil(to_channels(pixels[None], channels)[0]), native, conversion, depth)

    @property
    def tiling(self) -> Tiling:
        """The size and the overlap of the tiles."""
        assert self.conversion.tiles is not None
        return self.conversion.tiles

    @property
    def corners(self) -> list[Corner]:
        """The corner of each tile."""
        return self.tiling.corners(*self.native[1:])

    def tiles(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """Return tiles in the shape of the conversion, (N, C, h, w); all, or those from `start` to `stop`.

        An image that is smaller than a tile is extended at the right and at the bottom by its mirror image.
        """
        size, corners = self.tiling.size, self.corners[start:stop]
        shape = cast(FullShape, self.conversion.shape)
        image = self.image if min(self.native[1:]) >= size else _extended(self.image, size)
        tiles = np.empty((len(corners), *shape), np.uint8)
        for index, (top, left) in enumerate(corners):
            tile = image.crop((left, top, left + size, top + size))
            tiles[index] = to_pixels(resized(tile, shape[1:]))
        return tiles


def _extended(image: "Image", size: int) -> "Image":
    """Return an image with sides of at least `size` pixels, extended by its mirror image."""
    pixels = to_pixels(image)
    missing = [max(size - side, 0) for side in pixels.shape[1:]]
    return to_pil(np.pad(pixels, [(0, 0), (0, missing[0]), (0, missing[1])], mode="symmetric"))
