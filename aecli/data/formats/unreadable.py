"""Explain why an image file cannot be read."""

import os
from typing import IO

from aecli.data.formats import bmp_fields
from aecli.data.formats.jpeg_frames import read_frame
from aecli.data.formats.known import BMP, JPEG, START_BYTES, TIFF, read_format
from aecli.data.formats.opening import MAX_PIXELS
from aecli.data.formats.tiff.directories import TiffError, pages
from aecli.data.formats.tiff.kinds import compression_reason


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
    elif found is JPEG and (frame := read_frame(content)):
        kind = frame.unread_kind
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
