"""Convert a decoded image of any mode to 8-bit gray or RGB."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

STRIP_PIXELS = 1 << 20


class UnsupportedModeError(Exception):
    """The values of an image cannot be converted to 8 bits."""


def is_gray(image: "Image") -> bool:
    """Return whether an opened image is gray; a palette is gray if all its colors are."""
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")


def to_gray_or_rgb(image: "Image") -> "Image":
    """Convert a decoded image of any mode to mode L or RGB, transparency composited on white.

    Raises:
        UnsupportedModeError: the values are floats or do not fit 16 bits.
    """
    if image.mode == "F":
        raise UnsupportedModeError("its values are 32-bit floats")
    if image.mode.startswith("I"):
        low, high = map(int, image.getextrema())  # type: ignore[arg-type]
        if low < 0 or high > 65535:
            raise UnsupportedModeError(f"its 32-bit values, {low:,} to {high:,}, do not fit 16 bits")
        return _in_strips(image, "L", _to_8_bits)
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    return _in_strips(image, "L" if is_gray(image) else "RGB", _on_white)


def _in_strips(image: "Image", mode: str, convert: "Callable[[Image], Image]") -> "Image":
    """Convert an image to `mode` a few rows at a time: the intermediate images take several times its memory."""
    from PIL import Image

    width, height = image.size
    rows = max(1, STRIP_PIXELS // max(width, 1))
    converted = Image.new(mode, image.size)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        strip = convert(image.crop(box))
        converted.paste(strip if strip.mode == mode else strip.convert(mode), box)
    return converted


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgba)
    return image.convert("RGB")


def _to_8_bits(image: "Image") -> "Image":
    """Scale 16-bit gray to 8 bits: v / 257, rounded; a transparent value becomes white."""
    from PIL import Image

    values = np.asarray(image)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        values = np.where(values == transparent, 65535, values)
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
