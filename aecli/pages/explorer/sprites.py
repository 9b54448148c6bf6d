"""Thumbnails of many images in few encoded images, the sheets."""

import math
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.resize import resized, to_pil, to_pixels
from aecli.pages.document import Picture
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import map_ordered

if TYPE_CHECKING:
    from PIL.Image import Image

SHEET_SIDE = 2016
"""Most pixels of a side of a sheet: browsers of phones decode images of this size."""
PIXELS = 8 * 2**20
"""Pixels of all thumbnails together, so that the page stays small; fewer images have larger thumbnails."""
SMALLEST_SIDE, LARGEST_SIDE = 16, 128
"""Pixels of the longer side of a thumbnail, whatever the number of images."""
FORMATS: dict[str, dict[str, Any]] = {
    "png": {},
    "webp": {"quality": 80, "method": 4},
    "jpeg": {"quality": 80},
}
"""The formats that a sheet may have, and their options; the one that is smallest is taken."""


@dataclass(frozen=True)
class Sprites:
    """Thumbnails of one size, row by row in sheets."""

    width: int
    """Of a thumbnail, in pixels."""
    height: int
    across: int
    """Thumbnails in a row of a sheet."""
    per_sheet: int
    sheets: tuple[Picture, ...]


def sprites(images: NDArray[np.uint8], progress: Progress = silent) -> Sprites:
    """Return the thumbnails of (N, C, H, W) images in 0..255, in their order.

    Images of up to `PIXELS` together keep their size if they are not larger than `LARGEST_SIDE`.
    """
    height, width = thumbnail_size(len(images), images.shape[2], images.shape[3])
    across = min(SHEET_SIDE // width, math.ceil(math.sqrt(len(images) * height / width)))
    per_sheet = across * (SHEET_SIDE // height)
    chunks = [images[start : start + per_sheet] for start in range(0, len(images), per_sheet)]
    first = _sheet(chunks[0], (height, width), across)
    kind, content = min(((kind, _encoded(first, kind)) for kind in FORMATS), key=lambda encoded: len(encoded[1]))
    pictures = [Picture(kind, content, first.size)]

    def picture(chunk: NDArray[np.uint8]) -> Picture:
        sheet = _sheet(chunk, (height, width), across)
        return Picture(kind, _encoded(sheet, kind), sheet.size)

    for each in map_ordered(picture, chunks[1:]):
        pictures.append(each)
        progress("thumbnails", min(len(pictures) * per_sheet, len(images)), len(images))
    return Sprites(width, height, across, per_sheet, tuple(pictures))


def thumbnail_size(count: int, height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) in pixels of the thumbnails of `count` images of this size; never larger than it."""
    ratio = max(height, width) / math.sqrt(height * width)
    side = math.sqrt(PIXELS / max(1, count)) * ratio
    longest = min(max(height, width), LARGEST_SIDE, max(SMALLEST_SIDE, int(side)))
    factor = longest / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def _sheet(images: NDArray[np.uint8], size: tuple[int, int], across: int) -> "Image":
    """Return the images side by side, `across` in a row; the rest of the last row is black."""
    height, width = size
    rows = -(-len(images) // across)
    sheet = np.zeros((images.shape[1], rows, height, across, width), np.uint8)
    for index, pixels in enumerate(images):
        sheet[:, index // across, :, index % across] = _reduced(pixels, size)
    return to_pil(sheet.reshape(images.shape[1], rows * height, across * width))


def _reduced(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return pixels if pixels.shape[1:] == size else to_pixels(resized(to_pil(pixels), size))


def _encoded(sheet: "Image", kind: str) -> bytes:
    content = BytesIO()
    sheet.save(content, format=kind.upper(), **FORMATS[kind])
    return content.getvalue()
