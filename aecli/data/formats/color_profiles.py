"""Convert images with an embedded ICC profile, or in CIELAB, to sRGB by littlecms, which most Pillows contain.

Cameras and phones store colors of a wide gamut, such as Display P3 or Adobe RGB: without conversion they look pale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsTransform

ProfileUse = Literal["applied", "unusable"]
KEY = "icc_profile"
"""The key of Pillow's `Image.info`."""
COLOR_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}
"""The color space of profiles for images of a mode, as the profile spells it."""
IMAGE_CLASSES = ("scnr", "mntr", "prtr", "spac")
"""Kinds of profiles that describe images: of cameras and scanners, of displays, of printers, and of color spaces."""
UNNOTICED = 2
"""Levels by which the conversion of a profile may change colors for the profile to count as sRGB."""
MAX_PROFILES = 16
"""Profiles whose conversion is kept."""
STEPS = 6
"""Values of each channel among the colors that tell whether a profile is sRGB."""


@dataclass(frozen=True)
class _Conversion:
    use: ProfileUse | None
    """None for a profile that changes nothing."""
    apply: "Callable[[Image], Image] | None" = None
    """Converts an image of mode L to L, or of RGB or CMYK to RGB."""


def profile_of(image: "Image") -> bytes | None:
    """Return the ICC profile of an image; None without one, and for LAB colors, which no device defines."""
    profile = image.info.get(KEY)
    return profile if profile and isinstance(profile, bytes) and image.mode != "LAB" else None


def use_of(profile: bytes | None, mode: str) -> ProfileUse | None:
    """Return whether a profile is applied to images of a mode, or cannot be; None without one, and for sRGB."""
    return _conversion(profile, _color_mode(mode)).use if profile else None


def to_srgb(image: "Image") -> "Image":
    """Return an image in sRGB, with its transparency; itself if it has no profile, or one that is not applied.

    An image of mode LAB becomes RGB.
    """
    if image.mode == "LAB":
        return _of_lab().apply(image)
    profile = profile_of(image)
    apply = _conversion(profile, _color_mode(image.mode)).apply if profile else None
    if apply is None:
        return image
    color, alpha = _without_alpha(image)
    converted = apply(color)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _color_mode(mode: str) -> str:
    """Return the mode of the channels of an image that are converted: L, RGB or CMYK."""
    if mode in ("1", "L", "LA", "La"):
        return "L"
    return "CMYK" if mode == "CMYK" else "RGB"


def _without_alpha(image: "Image") -> "tuple[Image, Image | None]":
    """Return the channels to convert, and the opacity, if any."""
    mode, alpha = _color_mode(image.mode), None
    if image.has_transparency_data:
        image = image.convert("LA" if mode == "L" else "RGBA")
        alpha = image.getchannel("A")
    return image if image.mode == mode else image.convert(mode), alpha


@cache
def _of_lab() -> "ImageCmsTransform":
    """Return the conversion from CIELAB of white D50; that of Pillow is up to 36 levels off, as it interpolates."""
    from PIL import ImageCms

    lab, srgb = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)) for name in ("LAB", "sRGB"))
    return ImageCms.ImageCmsTransform(lab, srgb, "LAB", "RGB", flags=ImageCms.Flags.NOOPTIMIZE)


@lru_cache(MAX_PROFILES)
def _conversion(profile: bytes, mode: str) -> _Conversion:
    """Return what to do with the images of a mode that have this profile, of which a set may have thousands."""
    try:
        from PIL import ImageCms

        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        space, kind = opened.profile.xcolor_space, opened.profile.device_class
        if mode == "L" and space == COLOR_SPACES["RGB"]:  # that of the color image from which this one was made
            return _Conversion(None)
        if space != COLOR_SPACES[mode] or kind not in IMAGE_CLASSES:
            return _Conversion("unusable")
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.ImageCmsTransform(opened, srgb, mode, "RGB", flags=flags)
        if mode == "L":
            return _conversion_of_gray(transform)
        if mode == "RGB" and _changes_little(transform):
            return _Conversion(None)
    except (ImportError, OSError, ValueError, TypeError):  # no littlecms, or a damaged profile
        return _Conversion("unusable")
    return _Conversion("applied", transform.apply)


def _conversion_of_gray(transform: "ImageCmsTransform") -> _Conversion:
    """Return a conversion by a table of all levels, as littlecms is inexact for dark gray unless it is slow."""
    from PIL import Image

    levels = np.arange(256, dtype=np.uint8)
    table = np.asarray(transform.apply(Image.fromarray(levels[None])))[0, :, 1]
    if _is_alike(table, levels):
        return _Conversion(None)
    return _Conversion("applied", lambda image: image.point(table.tolist()))


def _changes_little(transform: "ImageCmsTransform") -> bool:
    """Return whether a conversion keeps grays, and the colors of a grid, as that of a profile of sRGB does."""
    from PIL import Image

    grays, steps = np.arange(256, dtype=np.uint8), np.linspace(0, 255, STEPS).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    colors = np.concatenate([np.stack([grays] * 3, axis=-1), grid])[None]
    return _is_alike(np.asarray(transform.apply(Image.fromarray(colors))), colors)


def _is_alike(converted: NDArray[np.uint8], levels: NDArray[np.uint8]) -> bool:
    return bool(np.abs(converted.astype(np.int16) - levels).max() <= UNNOTICED)
