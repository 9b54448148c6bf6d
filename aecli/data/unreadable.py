"""Explain why an image file cannot be read."""

import os
from typing import IO

from aecli.data import bmp_fields
from aecli.data.formats import BMP, JPEG, START_BYTES, TIFF, read_format
from aecli.data.image_opening import MAX_PIXELS
from aecli.data.tiff.directories import TiffError, pages
from aecli.data.tiff.kinds import compression_reason

JPEG_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
JPEG_LS = 0xF7
HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)


def reason_of(content: IO[bytes], error: Exception) -> str:
    """Return in a few words why the decoder of a file raised `error`."""
    from PIL import Image

    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    found = read_format(content.read(START_BYTES))
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {MAX_PIXELS:,} pixels"
    kind = None
    if found is BMP and (header := bmp_fields.read_header(content)):
        kind = header.unread_kind
    elif found is JPEG:
        kind = _unread_jpeg(content)
    elif found is TIFF and (reason := _unread_tiff(content)):
        return reason
    if kind:
        return f"{kind}, which is not read: save it as PNG"
    if "truncated" in str(error).lower():
        return f"truncated after {size:,} bytes"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"damaged {found.name if found else 'image'} file"


def _unread_tiff(content: IO[bytes]) -> str | None:
    try:
        return next((compression_reason(page) for page in pages(content)), None)
    except TiffError:
        return None


def _unread_jpeg(content: IO[bytes]) -> str | None:
    """Return what a JPEG file is if it is not read, from its frame header; None for a common kind and damaged files."""
    content.seek(2)
    while len(head := content.read(4)) == 4 and head[0] == 0xFF:
        marker, length = head[1], int.from_bytes(head[2:])
        if marker in JPEG_FRAMES:
            bits = content.read(1)
            if marker == JPEG_LS:
                return "a JPEG-LS file"
            if marker in HIERARCHICAL:
                return "a hierarchical JPEG file"
            return f"a JPEG of {bits[0]} bits" if bits and bits[0] != 8 else None
        content.seek(length - 2, os.SEEK_CUR)
    return None
