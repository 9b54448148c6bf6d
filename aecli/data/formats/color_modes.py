"""Convert decoded images of any mode to 8-bit gray or RGB."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from aecli.data.formats.color_profiles import KEY, ProfileUse, profile_of, to_srgb, use_of
from aecli.data.formats.deep_image import DeepImage
from aecli.data.levels import Levels

if TYPE_CHECKING:
    from PIL.Image import Image

STRIP_PIXELS = 1 << 20
LOSSY = ("JPEG", "MPO")
"""Formats that change pixels near an edge."""
HALF = 127


def is_gray(image: "Image") -> bool:
    """Return whether an opened image is gray; a palette is gray if all its colors are."""
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")


def is_deep(image: "Image") -> bool:
    """Return whether Pillow decodes an opened image to gray with more than 8 bits per value."""
    return image.mode == "F" or image.mode.startswith("I")


def profile_use(image: "Image | DeepImage") -> ProfileUse | None:
    """Return whether the ICC profile of a decoded image is applied, or cannot be; None without one, and for sRGB."""
    return image.profile_use if isinstance(image, DeepImage) else use_of(profile_of(image), image.mode)


def to_gray_or_rgb(image: "Image | DeepImage", levels: Levels | Literal["measured", "declared"]) -> "Image":
    """Convert a decoded image to mode L or RGB: the colors of its ICC profile to sRGB, transparency on white.

    `levels` are the values of a deep image that become 0 and 255, or `measured` on this image, or `declared` by its
    type.

    Raises:
        UnsupportedValuesError: the values do not fit the levels, or are not those of images.
    """
    if isinstance(image, DeepImage):
        return image.to_pillow(levels if isinstance(levels, Levels) else image.own_levels(levels))
    if image.mode in ("L", "RGB") and "transparency" not in image.info and profile_use(image) != "applied":
        return image
    return _in_strips(image, "L" if is_gray(image) else "RGB", _on_white)


def nonzero_pixels(image: "Image | DeepImage") -> NDArray[np.bool_]:
    """Return which pixels of a decoded image are neither black nor transparent, (H, W).

    Pixels of a lossy format must be brighter than half in some channel. ICC profiles are not applied.

    Raises:
        UnsupportedValuesError: a value is not finite.
    """
    if isinstance(image, DeepImage):
        depth = image.depth
        black = depth.high if image.is_negative else 0
        marked = _in_any_channel(np.asarray(image.values != black))
        return marked if image.alpha is None else marked & (image.alpha > 0)
    width, height = image.size
    limit = HALF if image.format in LOSSY else 0
    marked = np.empty((height, width), bool)
    rows = max(1, STRIP_PIXELS // max(width, 1))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        strip.info.pop(KEY, None)
        if image.has_transparency_data:
            pixels = np.asarray(_to_rgba(strip))
            marked[top : top + rows] = _in_any_channel(pixels[..., :3] > limit) & (pixels[..., 3] > 0)
        else:
            marked[top : top + rows] = _in_any_channel(np.asarray(to_gray_or_rgb(strip, "declared")) > limit)
    return marked


def _in_any_channel(nonzero: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(nonzero.any(axis=2), bool) if nonzero.ndim == 3 else nonzero


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

    image = to_srgb(image)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), _to_rgba(image))
    return image.convert("RGB")


def _to_rgba(image: "Image") -> "Image":
    if image.mode == "La":  # Pillow has no other conversion of gray with premultiplied alpha
        image = image.convert("LA")
    return image if image.mode == "RGBA" else image.convert("RGBA")
