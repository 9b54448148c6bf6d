"""Convert a decoded image of any mode to 8-bit gray or RGB."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aecli.data.levels import Levels, ValueRange, measure_levels, to_8_bits
from aecli.errors import InputError

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


def is_deep(image: "Image") -> bool:
    """Return whether an opened image has more than 8 bits per value; Pillow reduces deep color images to 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def value_range(image: "Image") -> ValueRange | None:
    """Return the smallest and the largest value of a decoded image of more than 8 bits; None for other images."""
    if not is_deep(image):
        return None
    values = np.asarray(image)
    kind = "float32" if image.mode == "F" else "uint16" if image.mode.startswith("I;16") else "int32"
    return ValueRange(float(values.min()), float(values.max()), kind)


def levels_for(values: ValueRange | None, levels: Levels | str) -> Levels | None:
    """Return the levels to convert a deep image with; None for other images.

    Levels that are `measured` hold the values of this image. Levels that its type declares are 16 bits for integers,
    also if they are stored in 32, and 0..1 for floats.

    Raises:
        UnsupportedModeError: a value is not finite, or does not fit the declared levels, or none can be measured.
    """
    if values is None:
        return None
    if not values.is_finite:
        raise UnsupportedModeError("it has values that are not finite")
    if isinstance(levels, Levels):
        return levels
    if levels == "measured":
        try:
            return measure_levels(values)
        except InputError as error:
            raise UnsupportedModeError(error.message) from error
    white = 1 if values.kind == "float32" else 65535
    if not (values.low >= 0 and values.high <= white):
        raise UnsupportedModeError(
            f"its values, {values.low:,.6g} to {values.high:,.6g}, do not fit 0 to {white:,}, "
            f"which {'floats' if white == 1 else '16 bits'} have"
        )
    return Levels(0, white)


def to_gray_or_rgb(image: "Image", levels: Levels | None) -> "Image":
    """Convert a decoded image of any mode to mode L or RGB, transparency composited on white.

    `levels` are the values of a deep image that become 0 and 255.
    """
    if is_deep(image):
        return _in_strips(image, "L", partial(_to_8_bits, levels=levels or Levels(0, 65535)))
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


def _to_8_bits(image: "Image", levels: Levels) -> "Image":
    """Scale a deep gray image to 8 bits; a transparent value becomes white."""
    from PIL import Image

    values = np.asarray(image)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        values = np.where(values == transparent, levels.white, values)
    return Image.fromarray(to_8_bits(values, levels))
