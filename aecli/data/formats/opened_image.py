"""Image files whose header is read: their size and color, and how their pixels are decoded."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.data.formats.color_modes import is_deep, is_gray
from aecli.data.formats.color_profiles import profile_of
from aecli.data.formats.deep_color import GRAY_ALPHA, is_deep_color, raw_mode, read_deep_color, repair_byte_order
from aecli.data.formats.deep_image import DeepImage
from aecli.data.formats.jpeg_frames import read_frame
from aecli.data.formats.orientation import swaps_sides, transposition_of, upright_transposition
from aecli.data.formats.tiff import directories as tags
from aecli.data.resize import Box
from aecli.data.shapes import FullShape

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

SIGNED_TIFF = 2
WHITE_IS_ZERO = 0
ENOUGH_PIXELS, ENOUGH_WITH_A_WRONG_EDGE = 3, 8
"""How many pixels of a shrunk JPEG are left for each pixel of the result."""


@dataclass(frozen=True)
class DecodedPixels:
    """The pixels of a file before they are converted, resized and turned."""

    image: "Image | DeepImage"
    box: Box | None = None
    """The part of the image that the original covers; None for all of it."""
    transposition: "Transpose | None" = None
    """What turns the image upright."""


class OpenedImage(ABC):
    """An image file whose header is read."""

    native: FullShape
    """(C, H, W) of the upright image."""
    is_deep: bool
    """Whether it is decoded to a DeepImage."""

    @abstractmethod
    def decode(self, size: tuple[int, int]) -> DecodedPixels:
        """Decode the pixels; they will be resized to `size`, (H, W)."""


class ReadByAecli(OpenedImage):
    """An image that aecli reads itself, as Pillow refuses it or reads it wrongly."""

    def __init__(
        self, shape: FullShape, read: "Callable[[], DeepImage | Image]", *, is_deep: bool, orientation: int = 1
    ):
        """Describe an image of the stored (C, H, W) `shape` that `read` decodes."""
        self._transposition = transposition_of(orientation)
        turned = swaps_sides(self._transposition)
        self.native = (shape[0], shape[2], shape[1]) if turned else shape
        self.is_deep = is_deep
        self._read = read

    def decode(self, size: tuple[int, int]) -> DecodedPixels:
        """Decode all pixels."""
        return DecodedPixels(self._read(), transposition=self._transposition)


class ReadByPillow(OpenedImage):
    """An image that Pillow reads."""

    def __init__(self, image: "Image", reopen: "Callable[[], Image]"):
        """Describe an opened image; `reopen` opens it once more."""
        self._image, self._reopen = image, reopen
        if image.format == "TIFF":
            _repair_palette(image)
            repair_byte_order(image)
        scale = {"L;2": 85, "L;4": 17}.get(raw_mode(image))
        transparent = image.info.get("transparency")
        if image.format == "PNG" and scale and isinstance(transparent, int):  # Pillow scales the pixels only
            image.info["transparency"] = transparent * scale
        # First, as reading the metadata of some PNG files decodes them.
        gray = is_gray(image) or raw_mode(image) == GRAY_ALPHA
        self._is_deep_color = is_deep_color(image)
        self.is_deep = is_deep(image) or self._is_deep_color or _is_signed(image)
        # Pillow applies a TIFF's orientation itself, and reports the size after it.
        self._transposition = None if image.format == "TIFF" else upright_transposition(image)
        if self._is_deep_color and image.format == "PNG" and not getattr(image, "tile", None):
            self._image = reopen()
        width, height = image.size
        if height != width and swaps_sides(self._transposition):
            width, height = height, width
        self.native = (1 if gray else 3), height, width

    def decode(self, size: tuple[int, int]) -> DecodedPixels:
        """Decode the pixels, a large JPEG at a smaller scale."""
        image = self._image
        if self._is_deep_color:
            deep = replace(read_deep_color(image, self._reopen), profile=profile_of(image))
            return DecodedPixels(deep, transposition=self._transposition)
        if swaps_sides(self._transposition):
            size = size[1], size[0]
        box = _draft(image, size)
        image.load()
        pixels = _deep_gray(image) if self.is_deep else image
        return DecodedPixels(pixels, box, self._transposition)


def tiff_bits(image: "Image") -> int | None:
    """Return the bits per value of an opened TIFF; None for other formats."""
    bits = _tiff_tags(image).get(tags.BITS)
    return int(bits[0]) if isinstance(bits, tuple) and bits else None


def _draft(image: "Image", size: tuple[int, int]) -> Box | None:
    """Let the JPEG decoder shrink an image by 2, 4 or 8 that will be resized to `size`, (H, W).

    Return the box of the shrunk image that the original covers: its last row and column may reach beyond it.
    """
    if image.format not in ("JPEG", "MPO"):
        return None
    sides = list(zip(image.size, (size[1], size[0]), strict=True))
    factor = next((factor for factor in (8, 4, 2) if all(_may_shrink(*side, factor) for side in sides)), 1)
    if factor == 1 or _is_lossless(image):  # some versions of libjpeg end the process if it is lossless
        return None
    drafted = image.draft(None, (image.width // factor, image.height // factor))
    return drafted[1] if drafted else None


def _is_lossless(image: "Image") -> bool:
    frame = read_frame(image.fp) if getattr(image, "fp", None) else None  # type: ignore[attr-defined]
    return frame is not None and frame.is_lossless


def _may_shrink(own: int, target: int, factor: int) -> bool:
    """Return whether a side of `own` pixels may be divided by `factor` for a side of `target` pixels.

    The results differ by at most one level from those without shrinking. If the factor does not divide the side, the
    last pixel of the shrunk side is wrong, as it covers pixels beyond the edge: many pixels must be left.
    """
    return own >= factor * target * (ENOUGH_PIXELS if own % factor == 0 else ENOUGH_WITH_A_WRONG_EDGE)


def _deep_gray(image: "Image") -> DeepImage:
    values = np.asarray(image)
    described = _tiff_tags(image)
    bits, kind = tiff_bits(image), described.get(tags.SAMPLE_FORMAT, (1,))[0]
    if image.mode == "L":
        values = values.view(np.int8)
    elif image.mode == "I" and bits == 32 and kind == 1:
        values = values.view(np.uint32)
    transparent = image.info.get("transparency")
    alpha = np.where(values == transparent, 0, 255).astype(np.uint8) if isinstance(transparent, int) else None
    is_negative = described.get(tags.PHOTOMETRIC) == WHITE_IS_ZERO
    return DeepImage(values, alpha, is_negative, 4095 if bits == 12 else None, profile_of(image))


def _is_signed(image: "Image") -> bool:
    """Return whether Pillow reads signed 8-bit integers as if they had no sign."""
    return image.mode == "L" and _tiff_tags(image).get(tags.SAMPLE_FORMAT, (1,))[0] == SIGNED_TIFF


def _repair_palette(image: "Image") -> None:
    """Replace a TIFF's palette that has 8 instead of 16 bits, which Pillow reads as black."""
    from PIL import ImagePalette

    colors = _tiff_tags(image).get(tags.COLOR_MAP, ())
    if image.mode in ("P", "PA") and colors and max(colors) < 256:
        image.palette = ImagePalette.raw("RGB;L", bytes(colors))


def _tiff_tags(image: "Image") -> dict[int, Any]:
    return getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
