"""Read one image file: open it safely, check it, decode it to gray or RGB pixels of 8 bits.

EXIF, XMP and TIFF orientation is applied. Palettes are expanded. 16-bit gray is scaled to 8 bits, v / 257 rounded.
Transparency is composited on white. CMYK, YCbCr and LAB become RGB. Of a multi-picture JPEG (MPO) the main image is
read; any other file with several frames or pages is refused, as is 32-bit data that does not fit 16 bits.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.color_modes import UnsupportedModeError, is_deep, is_gray, levels_for, to_gray_or_rgb, value_range
from aecli.data.conversion import AS_IS, Conversion
from aecli.data.encoded import EncodedImage, UnreadableImageError
from aecli.data.levels import ValueRange
from aecli.data.orientation import swaps_sides, upright_transposition
from aecli.data.pillow_internals import silence_decoders
from aecli.data.resize import Box, resized, to_pixels
from aecli.data.shapes import FullShape, complete

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

SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
}


@dataclass(frozen=True)
class ConvertedImage:
    """A decoded image in the requested shape."""

    pixels: NDArray[np.uint8]
    """(C, H, W)."""
    native: FullShape
    """The file's own (C, H, W)."""
    depth: ValueRange | None = None
    """The smallest and the largest value of an image of more than 8 bits; None for other images."""


def decode(file: EncodedImage, conversion: Conversion = AS_IS) -> ConvertedImage:
    """Decode an image file to 8-bit pixels of the requested shape.

    Each None in the shape keeps the file's own value: C is 1 for a gray image or gray palette, else 3. Levels that are
    `measured` on a set of images are those that the type of this image declares.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or its values do not fit.
    """
    with _opened(file) as image:
        native = _native_shape(image)
        target = complete(conversion.shape, native)
        transposition = upright_transposition(image)
        # Pillow applies a TIFF's orientation itself.
        turns = swaps_sides(transposition) and image.format != "TIFF"
        size = (target[2], target[1]) if turns else (target[1], target[2])
        box = _draft(image, size)
        image.load()
        depth = value_range(image)
        converted = to_gray_or_rgb(image, levels_for(depth, conversion.levels))
        if converted.mode != (mode := "L" if target[0] == 1 else "RGB"):
            converted = converted.convert(mode)
        converted = resized(converted, size, conversion.resize, box)
        if transposition is not None and image.format != "TIFF":
            converted = converted.transpose(transposition)
        return ConvertedImage(to_pixels(converted), native, depth)


def native_shape(file: EncodedImage) -> FullShape:
    """Return the (C, H, W) of an image file from its header, as `decode` would return it.

    Raises:
        UnreadableImageError: the file is not an image, animated or too large.
    """
    with _opened(file) as image:
        return _native_shape(image)


def native_depth(file: EncodedImage) -> ValueRange | None:
    """Return the smallest and the largest value of an image file of more than 8 bits; None for other images.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large.
    """
    with _opened(file) as image:
        if not is_deep(image):
            return None
        image.load()
        return value_range(image)


def _draft(image: "Image", size: tuple[int, int]) -> Box | None:
    """Let the JPEG decoder shrink by 2, 4 or 8 as long as twice the target `size`, (H, W), is left for a good resize.

    Return the box of the shrunk image that the original covers: its last row and column may reach beyond it.
    """
    if image.format not in ("JPEG", "MPO"):
        return None
    drafted = image.draft(None, (2 * size[1], 2 * size[0]))
    return drafted[1] if drafted else None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings: the conditions that matter raise errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(file: EncodedImage) -> Iterator["Image"]:
    """Open an image file; any failure, also in the body of the `with` statement, becomes an UnreadableImageError."""
    from PIL import Image

    silence_decoders()
    try:
        # Pillow maps a file into memory if it is given a path: truncating the file meanwhile would kill the process,
        # and a TIFF that is turned by 90 degrees would be read with its sides exchanged.
        with file.open() as content:
            try:
                with Image.open(content, formats=FORMATS) as image:
                    _seek_page(file, image)
                    _check_size(file, image)
                    yield image
            except (UnreadableImageError, MemoryError):
                raise
            except UnsupportedModeError as error:
                raise UnreadableImageError(file.where, str(error), hint="save it with 8 or 16 bits") from error
            except Exception as error:  # the decoders raise arbitrary exceptions on damaged files
                raise UnreadableImageError(file.where, _reason(content, error)) from error
    except OSError as error:
        raise UnreadableImageError(file.where, (error.strerror or str(error)).lower()) from error


def _seek_page(file: EncodedImage, image: "Image") -> None:
    if file.page is not None:
        image.seek(file.page)
    # `n_frames` of GIF and TIFF reads all frames; `is_animated` only checks for a second one.
    elif getattr(image, "is_animated", False) and image.format != "MPO":
        raise UnreadableImageError(file.where, "it holds several frames", hint="save one frame or page to a file")


def _check_size(file: EncodedImage, image: "Image") -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            file.where, f"{width:,} x {height:,} pixels are more than {MAX_PIXELS:,}", hint="make it smaller"
        )


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
