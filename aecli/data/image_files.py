"""One image file -> its pixels. Everything that files do to pixels is handled here, or refused.

Orientation (EXIF, XMP, TIFF) is applied. Palettes are expanded. 16-bit gray is scaled to 8 bits, v / 257 rounded.
Transparency is composited on white. CMYK, YCbCr and LAB become RGB. Of a camera's multi-picture JPEG (MPO) the main
picture is taken; any other file with several frames or pages is refused, as is 32-bit data that does not fit 16 bits.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.resize import resized, to_pixels
from aecli.data.shapes import NATIVE, FullShape, Shape, complete
from aecli.errors import InputError
from aecli.storage.paths import reading, require_file

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

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
"""A picture with more pixels is refused before it is decoded: small files can claim to be enormous."""

MOST_BYTES = 2**30
"""Of a picture on standard input."""
STRIP_PIXELS = 1 << 20

ORIENTATION_TAG = 0x0112
ORIENTATION_SOURCES = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
}


class UnreadablePictureError(InputError):
    """An image file cannot be decoded; `reason` says why in a few words."""

    def __init__(self, path: Path, reason: str, *, hint: str | None = None):
        super().__init__(f"cannot read picture {path}: {reason}", hint=hint)
        self.path = path
        self.reason = reason


def decode(path: Path, image_shape: Shape = NATIVE) -> tuple[NDArray[np.uint8], FullShape]:
    """Decode an image file to (C, H, W) uint8 pixels of `image_shape`, and tell its own (C, H, W).

    Where `image_shape` is None the file's own is kept: C is 1 for a gray file, a gray palette included, else 3.

    Raises:
        UnreadablePictureError: it is no image, damaged, animated, too large, or of values that do not fit.
    """
    with _opened(path) as picture:
        native = _native_shape(picture)
        target = complete(image_shape, native)
        turn = _turn(picture)
        if picture.format in ("JPEG", "MPO"):
            # Let the JPEG decoder shrink by 2, 4 or 8 where at least twice the target is left for a good resize.
            height, width = target[1:] if not _swaps_sides(turn) else target[:0:-1]
            picture.draft(None, (2 * width, 2 * height))
        picture.load()
        upright = _plain(path, picture)
        if turn is not None and picture.format != "TIFF":  # Pillow turns a TIFF while loading
            upright = upright.transpose(turn)
        if upright.mode != (mode := "L" if target[0] == 1 else "RGB"):
            upright = upright.convert(mode)
        if upright.size != (target[2], target[1]):
            upright = resized(upright, target[1:])
        return to_pixels(upright), native


def native_shape(path: Path) -> FullShape:
    """Tell the (C, H, W) of an image file from its header, as `decode` would make it.

    Raises:
        UnreadablePictureError: it is no image, animated or too large.
    """
    with _opened(path) as picture:
        return _native_shape(picture)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings off the console: what matters of them is an error here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    """Open an image file and refuse what must not be decoded; whatever goes wrong inside becomes one error."""
    from PIL import Image

    _hush_decoders()
    try:
        require_file(path, "picture")
    except InputError as error:
        raise UnreadablePictureError(path, error.message.removesuffix(f": {path}"), hint=error.hint) from error
    try:
        # Given a path, Pillow maps the file into memory: a file cut short meanwhile would kill the process, and a
        # TIFF on its side would be read with its sides exchanged.
        with reading(path, most=MOST_BYTES) as file:
            try:
                with Image.open(file, formats=FORMATS) as picture:
                    _refuse(path, picture)
                    yield picture
            except (UnreadablePictureError, MemoryError):
                raise
            except Exception as error:  # decoders raise whatever a damaged file leads them to
                raise UnreadablePictureError(path, _reason(file, error)) from error
    except OSError as error:
        raise UnreadablePictureError(path, (error.strerror or str(error)).lower()) from error


def _refuse(path: Path, picture: "Image") -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadablePictureError(
            path, f"{width:,} x {height:,} pixels are more than {MAX_PIXELS:,}", hint="make it smaller"
        )
    # GIF and TIFF count their frames by reading them all, but know soon whether there is a second one.
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        raise UnreadablePictureError(path, "it holds several frames", hint="save one frame or page to a file")


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


def _native_shape(picture: "Image") -> FullShape:
    width, height = picture.size
    # Pillow tells a TIFF's size as it will be after turning.
    if picture.format != "TIFF" and height != width and _swaps_sides(_turn(picture)):
        width, height = height, width
    return (1 if _is_gray(picture) else 3), height, width


def _turn(picture: "Image") -> "Transpose | None":
    """The transposition that brings the picture upright; None where it is already."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    has_tag = any(key in picture.info for key in ORIENTATION_SOURCES)
    if picture.format != "TIFF" and not has_tag and not _has_late_exif(picture):
        return None
    try:
        return turns.get(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata; the pixels may be whole
        return None


def _has_late_exif(picture: "Image") -> bool:
    """Tell whether a PNG has its EXIF after the pixels, where Pillow finds it only by decoding them."""
    if picture.format != "PNG":
        return False
    file = picture.fp  # type: ignore[attr-defined]
    if file is None:  # decoded already, and all its metadata read
        return ORIENTATION_TAG in picture.getexif()
    place = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            if head[4:] == b"eXIf":
                return True
            file.seek(int.from_bytes(head[:4]) + 4, os.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def _swaps_sides(turn: "Transpose | None") -> bool:
    from PIL.Image import Transpose

    return turn in (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)


def _is_gray(picture: "Image") -> bool:
    if picture.mode in ("P", "PA"):
        palette = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La", "F") or picture.mode.startswith("I")


def _plain(path: Path, picture: "Image") -> "Image":
    """Turn a decoded picture of any mode into mode L or RGB."""
    if picture.mode == "F":
        raise UnreadablePictureError(path, "its values are 32-bit floats", hint="save it with 8 or 16 bits")
    if picture.mode.startswith("I"):
        low, high = map(int, picture.getextrema())  # type: ignore[arg-type]
        if low < 0 or high > 65535:
            reason = f"its 32-bit values, {low:,} to {high:,}, do not fit 16 bits"
            raise UnreadablePictureError(path, reason, hint="save it with 8 or 16 bits")
        return _in_strips(picture, "L", _8_bit)
    if picture.mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture
    return _in_strips(picture, "L" if _is_gray(picture) else "RGB", _on_white)


def _in_strips(picture: "Image", mode: str, convert: "Callable[[Image], Image]") -> "Image":
    """Convert a picture to `mode` a few rows at a time: what lies between takes several times the memory of either."""
    from PIL import Image

    width, height = picture.size
    rows = max(1, STRIP_PIXELS // max(width, 1))
    converted = Image.new(mode, picture.size)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        strip = convert(picture.crop(box))
        converted.paste(strip if strip.mode == mode else strip.convert(mode), box)
    return converted


def _on_white(picture: "Image") -> "Image":
    from PIL import Image

    if picture.has_transparency_data:
        opaque = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), opaque)
    return picture.convert("RGB")


def _8_bit(picture: "Image") -> "Image":
    """Scale 16-bit gray to 8 bits: v / 257, rounded; a transparent value becomes white."""
    from PIL import Image

    values = np.asarray(picture)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        values = np.where(values == transparent, 65535, values)
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


@cache
def _hush_decoders() -> None:
    """Keep Pillow and libtiff from writing to standard error what they find amiss: where it matters, it is raised.

    There is no door to libtiff's messages but its own functions, in whatever file Pillow brings it.
    """
    import ctypes
    import logging

    from PIL import _imaging

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for function in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
