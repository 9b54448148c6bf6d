"""Read one image file: open it safely, check it, decode it to gray or RGB pixels of 8 bits.

EXIF, XMP and TIFF orientation is applied. Palettes are expanded. Values of more than 8 bits are scaled to 8 bits by the
levels of the conversion, gray and color alike. Transparency is composited on white. CMYK, YCbCr and LAB become RGB.
Colors of an embedded ICC profile become those of sRGB.

The format follows from the content, never from the suffix (`aecli.data.formats`). Of a multi-picture JPEG (MPO) the
main image is read, of a TIFF the images that are not marked as reduced copies or masks. Any other file with several
frames or pages is refused unless a page is requested. A frame of an animation is shown as its decoder composites it.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import AS_IS, Conversion
from aecli.data.encoded import EncodedImage, ImageInMemory, UnreadableImageError
from aecli.data.formats.color_modes import nonzero_pixels, profile_use, to_gray_or_rgb
from aecli.data.formats.color_profiles import ProfileUse
from aecli.data.formats.deep_image import DeepImage, UnsupportedValuesError
from aecli.data.formats.opened_image import OpenedImage, ReadByPillow
from aecli.data.formats.opening import RefusedError, count_pages, open_image
from aecli.data.formats.orientation import swaps_sides
from aecli.data.formats.unreadable import reason_of
from aecli.data.frames import Frame
from aecli.data.levels import ValueRange
from aecli.data.resize import padded, resized_to_fit, to_pixels
from aecli.data.shapes import FullShape, complete
from aecli.data.tiled_image import TiledImage
from aecli.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PAGES = 100_000
"""A file with more frames or pages is refused when they are listed."""


@dataclass(frozen=True)
class ConvertedImage:
    """A decoded image in the requested shape."""

    pixels: NDArray[np.uint8]
    """(C, H, W)."""
    native: FullShape
    """The file's own (C, H, W)."""
    depth: ValueRange | None = None
    """The smallest and the largest value of an image of more than 8 bits; None for other images."""
    profile: ProfileUse | None = None
    """Whether the image's ICC profile was applied, or could not be; None without one, and for sRGB."""


def decode(file: EncodedImage, conversion: Conversion = AS_IS) -> ConvertedImage:
    """Decode an image file to 8-bit pixels of the requested shape.

    Each None in the shape keeps the file's own value: C is 1 for a gray image or gray palette, else 3. Levels that are
    `measured` on a set of images are those that the type of this image declares.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or its values do not fit.
    """
    with _opened(file) as opened:
        return _convert(opened, conversion)


def decode_tiled(file: EncodedImage, conversion: Conversion) -> TiledImage:
    """Decode an image file in its own size, to be cut into the tiles of the conversion, whose shape is complete.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or its values do not fit.
    """
    with _opened(file) as opened:
        if conversion.tiles and (reason := conversion.tiles.refusal(*opened.native[1:])):
            raise RefusedError(reason, "use larger tiles, or less overlap")
        whole = replace(conversion, shape=(conversion.shape[0], None, None))
        image, depth, profile = _to_pil(opened, whole)
        return TiledImage(image, opened.native, conversion, depth, profile)


def convert(image: "Image", conversion: Conversion = AS_IS) -> ConvertedImage:
    """Convert a Pillow image as `decode` converts an image file; the image itself is not changed.

    Raises:
        InputError: the file of the image cannot be decoded, or its values do not fit.
    """
    try:
        copy = image.copy()
        return _convert(ReadByPillow(copy, copy.copy), conversion)
    except UnsupportedValuesError as error:
        raise InputError(f"cannot convert the image: {error}", hint="give values in 0..255 or 0..65535") from error
    except MemoryError:
        raise
    except Exception as error:  # the decoders raise arbitrary exceptions on damaged files
        raise InputError(f"cannot convert the image: {error}") from error


def _convert(opened: OpenedImage, conversion: Conversion) -> ConvertedImage:
    image, depth, profile = _to_pil(opened, conversion)
    return ConvertedImage(to_pixels(image), opened.native, depth, profile)


def _to_pil(opened: OpenedImage, conversion: Conversion) -> "tuple[Image, ValueRange | None, ProfileUse | None]":
    """Return the image in the requested shape, upright.

    Also return the range of its values if it has more than 8 bits, and how its ICC profile was used.
    """
    target = complete(conversion.shape, opened.native)
    decoded = opened.decode(target[1:])
    depth = decoded.image.depth if isinstance(decoded.image, DeepImage) else None
    converted = to_gray_or_rgb(decoded.image, conversion.levels)
    if converted.mode != (mode := "L" if target[0] == 1 else "RGB"):
        converted = converted.convert(mode)
    size = (target[2], target[1]) if swaps_sides(decoded.transposition) else (target[1], target[2])
    converted = resized_to_fit(converted, size, conversion.resize, decoded.box)
    if decoded.transposition is not None:
        converted = converted.transpose(decoded.transposition)
    return padded(converted, target[1:]), depth, profile_use(decoded.image)


def decode_mask(file: EncodedImage) -> NDArray[np.bool_]:
    """Return which pixels of an image file are not zero in any channel, (H, W), in its own size.

    Transparent pixels are zero. Of a JPEG file, pixels must be brighter than half, as its edges are not sharp.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or has values such as NaN.
    """
    from PIL import Image

    with _opened(file) as opened:
        decoded = opened.decode(opened.native[1:])
        marked = nonzero_pixels(decoded.image)
        if decoded.transposition is None:
            return marked
        return np.asarray(Image.fromarray(marked.astype(np.uint8)).transpose(decoded.transposition), bool)


def native_shape(file: EncodedImage) -> FullShape:
    """Return the (C, H, W) of an image file from its header, as `decode` would return it.

    Raises:
        UnreadableImageError: the file is not an image, animated or too large.
    """
    with _opened(file) as opened:
        return opened.native


def native_depth(file: EncodedImage) -> ValueRange | None:
    """Return the smallest and the largest value of an image file of more than 8 bits; None for other images.

    Raises:
        UnreadableImageError: the file is not an image, damaged, animated or too large, or has values such as NaN.
    """
    with _opened(file) as opened:
        if not opened.is_deep:
            return None
        image = opened.decode(opened.native[1:]).image
        return image.depth if isinstance(image, DeepImage) else None


def page_count(file: EncodedImage, most: int = MAX_PAGES) -> int:
    """Return the number of frames or pages of an image file, at least 1; reduced copies in a TIFF do not count.

    A file with more than `most` pages has `most` + 1, but one with more than MAX_PAGES is an error. A Pillow image has
    one, the current one.

    Raises:
        UnreadableImageError: the file is not an image, or damaged, or has more than MAX_PAGES.
    """
    if isinstance(file, ImageInMemory):
        return 1
    with _explained(file) as content:
        count = count_pages(content, _name(file), most)
        if count > MAX_PAGES:
            raise RefusedError(f"it has more than {MAX_PAGES:,} pages", "split it")
        return max(count, 1)


class _Quiet:
    """Suppresses warnings from the first `with` block that is entered to the last one that is left, of all threads.

    Filters belong to the process: a block of a thread that ends last would otherwise restore those of another block.
    """

    def __init__(self) -> None:
        self._lock, self._depth = Lock(), 0
        self._filters: warnings.catch_warnings[None] | None = None

    def enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._filters is not None:
                self._filters.__exit__(None, None, None)


_QUIET = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings: the conditions that matter raise errors here."""
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()


@contextmanager
def _opened(file: EncodedImage) -> Iterator[OpenedImage]:
    """Open an image file; any failure, also in the body of the `with` statement, becomes an UnreadableImageError."""
    if isinstance(file, ImageInMemory):
        with _explained(file):
            image = file.copy()
            yield ReadByPillow(image, image.copy)
        return
    offset = None
    if isinstance(file, Frame):
        if (frame := file.reader.read(file.page)) is not None:
            with _explained(ImageInMemory(frame, file.where)):
                yield ReadByPillow(frame, frame.copy)
            return
        offset = file.reader.offset(file.page)
    with _explained(file) as content, open_image(content, _name(file), file.page, offset) as opened:
        yield opened


@contextmanager
def _explained(file: EncodedImage) -> Iterator[IO[bytes]]:
    """Open the content of an image file; any failure, also in the body, becomes an UnreadableImageError."""
    try:
        # Pillow maps a file into memory if it is given a path: truncating the file meanwhile would kill the process,
        # and a TIFF that is turned by 90 degrees would be read with its sides exchanged.
        with file.open() as content:
            try:
                yield content
            except (UnreadableImageError, MemoryError):
                raise
            except RefusedError as error:
                raise UnreadableImageError(file.where, error.reason, hint=error.hint) from error
            except UnsupportedValuesError as error:
                raise UnreadableImageError(file.where, str(error), hint=error.hint) from error
            except Exception as error:  # the decoders raise arbitrary exceptions on damaged files
                raise UnreadableImageError(file.where, reason_of(content, error)) from error
    except OSError as error:
        raise UnreadableImageError(file.where, (error.strerror or str(error)).lower()) from error


def _name(file: EncodedImage) -> str:
    return file.where if file.page is None else file.where.rpartition("#")[0]
