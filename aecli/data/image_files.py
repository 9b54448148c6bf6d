"""Read one image file: open it safely, check it, decode it to gray or RGB pixels of 8 bits.

EXIF, XMP and TIFF orientation is applied. Palettes are expanded. 16-bit gray is scaled to 8 bits, v / 257 rounded.
Transparency is composited on white. CMYK, YCbCr and LAB become RGB. Of a multi-picture JPEG (MPO) the main image is
read; any other file with several frames or pages is refused, as is 32-bit data that does not fit 16 bits.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.color_modes import UnsupportedModeError, is_gray, to_gray_or_rgb
from aecli.data.orientation import swaps_sides, upright_transposition
from aecli.data.pillow_internals import silence_decoders
from aecli.data.resize import resized, to_pixels
from aecli.data.shapes import NATIVE, FullShape, Shape, complete
from aecli.errors import InputError
from aecli.storage.paths import reading, require_file

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
NETPBM_SUFFIXES = (".ppm", ".pgm", ".pbm", ".pnm")
SUFFIXES = frozenset(
    (
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".bmp",
        ".dib",
        ".gif",
        ".tif",
        ".tiff",
        *NETPBM_SUFFIXES,
    )
)
MAX_PIXELS = 100_000_000
"""An image with more pixels is refused before it is decoded, as small files can claim to be enormous."""

MAX_STREAM_BYTES = 2**30
"""The largest image that is read from standard input."""

SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
}


class UnreadableImageError(InputError):
    """An image file cannot be decoded; `reason` is a short explanation without the path."""

    def __init__(self, path: Path, reason: str, *, hint: str | None = None):
        super().__init__(f"cannot read image {path}: {reason}", hint=hint)
        self.path = path
        self.reason = reason


def decode(path: Path, image_shape: Shape = NATIVE) -> tuple[NDArray[np.uint8], FullShape]:
    """Decode an image file to (C, H, W) uint8 pixels of `image_shape`; return them and the file's own (C, H, W).

    Each None in `image_shape` keeps the file's own value: C is 1 for a gray image or gray palette, else 3.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or its values do not fit.
    """
    with _opened(path) as image:
        native = _native_shape(image)
        target = complete(image_shape, native)
        transposition = upright_transposition(image)
        if image.format in ("JPEG", "MPO"):
            # Let the JPEG decoder shrink by 2, 4 or 8 as long as twice the target is left for a good resize.
            height, width = target[1:] if not swaps_sides(transposition) else target[:0:-1]
            image.draft(None, (2 * width, 2 * height))
        image.load()
        upright = to_gray_or_rgb(image)
        if transposition is not None and image.format != "TIFF":  # Pillow applies a TIFF's orientation itself
            upright = upright.transpose(transposition)
        if upright.mode != (mode := "L" if target[0] == 1 else "RGB"):
            upright = upright.convert(mode)
        if upright.size != (target[2], target[1]):
            upright = resized(upright, target[1:])
        return to_pixels(upright), native


def native_shape(path: Path) -> FullShape:
    """Return the (C, H, W) of an image file from its header, as `decode` would return it.

    Raises:
        UnreadableImageError: the file is not an image, animated or too large.
    """
    with _opened(path) as image:
        return _native_shape(image)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings: the conditions that matter raise errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    """Open an image file; any failure, also in the body of the `with` statement, becomes an UnreadableImageError."""
    from PIL import Image

    silence_decoders()
    try:
        require_file(path, "image")
    except InputError as error:
        raise UnreadableImageError(path, error.message.removesuffix(f": {path}"), hint=error.hint) from error
    try:
        # Pillow maps a file into memory if it is given a path: truncating the file meanwhile would kill the process,
        # and a TIFF that is turned by 90 degrees would be read with its sides exchanged.
        with reading(path, most=MAX_STREAM_BYTES) as file:
            try:
                with Image.open(file, formats=FORMATS) as image:
                    _check_size_and_frames(path, image)
                    yield image
            except (UnreadableImageError, MemoryError):
                raise
            except UnsupportedModeError as error:
                raise UnreadableImageError(path, str(error), hint="save it with 8 or 16 bits") from error
            except Exception as error:  # the decoders raise arbitrary exceptions on damaged files
                raise UnreadableImageError(path, _reason(file, error)) from error
    except OSError as error:
        raise UnreadableImageError(path, (error.strerror or str(error)).lower()) from error


def _check_size_and_frames(path: Path, image: "Image") -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            path, f"{width:,} x {height:,} pixels are more than {MAX_PIXELS:,}", hint="make it smaller"
        )
    # `n_frames` of GIF and TIFF reads all frames; `is_animated` only checks for a second one.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise UnreadableImageError(path, "it holds several frames", hint="save one frame or page to a file")


def _reason(file: IO[bytes], error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(8)
    kind = next((kind for signature, kind in SIGNATURES.items() if start.startswith(signature)), None)
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {MAX_PIXELS:,} pixels"
    if isinstance(error, OSError) and "truncated" in str(error).lower():
        return f"truncated after {size:,} bytes"
    if isinstance(error, UnidentifiedImageError) and kind is None:
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"damaged {kind or 'image'} file"


def _native_shape(image: "Image") -> FullShape:
    width, height = image.size
    # Pillow reports a TIFF's size after applying its orientation.
    if image.format != "TIFF" and height != width and swaps_sides(upright_transposition(image)):
        width, height = height, width
    return (1 if is_gray(image) else 3), height, width
