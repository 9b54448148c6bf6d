"""The orientation that the metadata of an image file asks for."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

ORIENTATION_TAG = 0x0112
ORIENTATION_KEYS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""The keys of Pillow's `Image.info` that may hold an orientation."""


def upright_transposition(image: "Image") -> "Transpose | None":
    """Return the transposition that turns an opened image upright; None if it is upright already."""
    has_tag = any(key in image.info for key in ORIENTATION_KEYS)
    if image.format != "TIFF" and not has_tag and not has_late_exif(image):
        return None
    try:
        return transposition_of(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # the metadata is damaged; the pixels may be intact
        return None


def transposition_of(orientation: int) -> "Transpose | None":
    """Return what turns an image of an EXIF or TIFF orientation upright; None for 1 and unknown orientations."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)


def swaps_sides(transposition: "Transpose | None") -> bool:
    """Return whether a transposition exchanges height and width."""
    from PIL.Image import Transpose

    return transposition in (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)


def has_late_exif(image: "Image") -> bool:
    """Return whether a PNG has its EXIF data after the pixels, where Pillow finds it only by decoding them."""
    if image.format != "PNG":
        return False
    file = image.fp  # type: ignore[attr-defined]
    if file is None:  # the image is decoded already, and all its metadata is read
        return ORIENTATION_TAG in image.getexif()
    position = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            if head[4:] == b"eXIf":
                return True
            file.seek(int.from_bytes(head[:4]) + 4, os.SEEK_CUR)
        return False
    finally:
        file.seek(position)
