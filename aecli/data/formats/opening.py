"""Open an image file with the decoder of its format, and choose its page."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from aecli.data.formats import bmp_fields
from aecli.data.formats.aec_images import NoCodecError, decode_aec, read_shape
from aecli.data.formats.deep_color import is_deep_color
from aecli.data.formats.known import (
    AEC,
    AVIF,
    BMP,
    GIF,
    HEIC,
    JPEG,
    PNG,
    RAW,
    START_BYTES,
    TIFF,
    WEBP,
    Format,
    read_format,
    unread_format,
)
from aecli.data.formats.opened_image import OpenedImage, ReadByAecli, ReadByPillow
from aecli.data.formats.orientation import ORIENTATION_TAG, has_late_exif
from aecli.data.formats.tiff import directories as tags
from aecli.data.formats.tiff.directories import Directory, directory_at, pages
from aecli.data.formats.tiff.kinds import is_raw_photo, kind_reason, misread_reason
from aecli.data.formats.tiff.samples import UNCOMPRESSED, Layout, colors_of, plain_layout, read_samples
from aecli.data.resize import to_pil
from aecli.runtime.pillow_internals import prepare_decoders
from aecli.storage.limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = MAX_IMAGE_PIXELS
MAX_FRAME_PIXELS = MAX_PIXELS // 4
"""A frame of an animation may have fewer, as decoders keep several copies of it."""
ANIMATIONS = (GIF, PNG, WEBP, AVIF)
"""Formats whose frames depend on those before them."""
SEVERAL = "--pages first reads the first one, --pages all reads all"
LEAVE_OUT = "--skip-damaged leaves such files out"
DEEP_PLANES = "a TIFF of planes of more than 8 bits, which is not read: save it with interleaved channels"


class RefusedError(Exception):
    """An image is not read for a reason that is known."""

    def __init__(self, reason: str, hint: str | None = None):
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def format_of(content: IO[bytes], name: str) -> Format:
    """Return the format of a file from its content; its name is only used for formats that are not read.

    Raises:
        RefusedError: the format is not read, or its decoder is not installed.
    """
    content.seek(0)
    start = content.read(START_BYTES)
    found = read_format(start)
    if found is None or found is TIFF:
        other = unread_format(start, name)
        # The name of a TIFF counts only for raw camera files, which have the signature of a TIFF.
        if other and (found is None or other is RAW):
            raise RefusedError(other.reason)
    if found is None:
        raise RefusedError("not an image")
    if not found.is_available:
        article = "an" if found.name[0] in "AEIOU" else "a"
        raise RefusedError(f"{article} {found.name} file, which needs another package: {found.install}")
    return found


@contextmanager
def open_image(content: IO[bytes], name: str, page: int | None, offset: int | None = None) -> Iterator[OpenedImage]:
    """Read the header of an image file, or of its `page`, counted from 0; `offset` is that of the page in a TIFF.

    Raises:
        RefusedError: the file is of a kind that is not read, too large, has several pages or no such page.
        Exception: the file is damaged; decoders raise arbitrary exceptions.
    """
    prepare_decoders()
    found = format_of(content, name)
    with ExitStack() as stack:
        if found is TIFF:
            yield _open_tiff(content, page, offset, stack)
        elif found is AEC:
            yield _open_aec(content)
        elif found is BMP and (header := bmp_fields.read_header(content)):
            yield _open_bmp(content, header, stack)
        else:
            yield _open_with_pillow(content, found, page, stack)


def count_pages(content: IO[bytes], name: str, most: int) -> int:
    """Return the number of frames or pages of an image file, without a TIFF's reduced copies; at most `most` + 1.

    Raises:
        RefusedError: the format is not read.
        Exception: the file is damaged; decoders raise arbitrary exceptions.
    """
    prepare_decoders()
    found = format_of(content, name)
    if not found.several:
        return 1
    if found is TIFF:
        return sum(1 for _ in islice(pages(content), most + 1))
    with ExitStack() as stack:
        image = _pillow_image(content, found, stack)
        is_animated = found is GIF and getattr(image, "is_animated", False)
        _check_size(*image.size, MAX_FRAME_PIXELS if is_animated else MAX_PIXELS)
        if found is GIF:  # its `n_frames` reads all of them
            return next((page for page in range(1, most + 1) if not _has_frame(image, page)), most + 1)
        return min(int(getattr(image, "n_frames", 1)), most + 1)


def open_animation(content: IO[bytes], name: str) -> "Image | None":
    """Open an animation that is decoded in one pass over its frames, from memory; None for files of other kinds.

    Raises:
        RefusedError: the format is not read.
        Exception: the file is damaged; decoders raise arbitrary exceptions.
    """
    from PIL import Image

    prepare_decoders()
    found = format_of(content, name)
    if found not in ANIMATIONS:
        return None
    content.seek(0)
    image = Image.open(BytesIO(content.read()), formats=[found.plugin])
    # Both are found in the file of the whole image, and not in a copy of its pixels.
    return None if is_deep_color(image) or has_late_exif(image) else image


def page_offsets(content: IO[bytes], name: str) -> list[int]:
    """Return where the pages of a TIFF are, without reduced copies; [] for files of other kinds.

    Raises:
        RefusedError: the format is not read.
        TiffError: a directory is damaged.
    """
    return [page.offset for page in pages(content)] if format_of(content, name) is TIFF else []


def require_frame_size(image: "Image") -> None:
    """Refuse a frame of too many pixels.

    Raises:
        RefusedError: it is too large.
    """
    _check_size(*image.size, MAX_FRAME_PIXELS)


def _has_frame(image: "Image", page: int) -> bool:
    try:
        image.seek(page)
    except EOFError:
        return False
    return True


def _open_tiff(content: IO[bytes], page: int | None, offset: int | None, stack: ExitStack) -> OpenedImage:
    if offset is None:
        found = list(islice(pages(content), page or 0, (page or 0) + (2 if page is None else 1)))
    else:
        found = [directory_at(content, offset)]
    if not found:
        raise RefusedError(f"it has no page {(page or 0) + 1}")
    directory = found[0]
    if is_raw_photo(directory):
        raise RefusedError(RAW.reason)
    if len(found) > 1:
        raise RefusedError(f"it holds several pages: {SEVERAL}", hint=LEAVE_OUT)
    _check_size(directory.value(tags.WIDTH, 0), directory.value(tags.HEIGHT, 0))
    if reason := misread_reason(directory):
        raise RefusedError(reason)
    if _is_misread(directory):
        if layout := plain_layout(directory):
            return _plain_tiff(directory, layout)
        if directory.value(tags.COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED:  # libtiff reads compressed planes
            raise RefusedError(kind_reason(directory) or DEEP_PLANES)

    def open_page() -> "Image":
        page = _pillow_image(_StartingAt(directory), TIFF, stack)
        if ORIENTATION_TAG not in directory.entries:  # Pillow would turn it as its XMP says, after it gave the size
            page.info.pop("xmp", None)
        return page

    try:
        image = open_page()
    except Exception:
        if layout := plain_layout(directory):
            return _plain_tiff(directory, layout)
        if reason := kind_reason(directory):
            raise RefusedError(reason) from None
        raise
    _check_size(*image.size)
    return ReadByPillow(image, open_page)


def _is_misread(directory: Directory) -> bool:
    """Return whether Pillow reads an image of this kind as noise, as it does with uncompressed planes of 16 bits."""
    is_planar = directory.value(tags.PLANAR, 1) == 2 and directory.value(tags.SAMPLES, 1) > 1
    return is_planar and directory.value(tags.BITS, 1) > 8


def _plain_tiff(directory: Directory, layout: Layout) -> OpenedImage:
    shape = (colors_of(directory, layout), layout.height, layout.width)
    return ReadByAecli(
        shape,
        lambda: read_samples(directory, layout),
        is_deep=layout.is_deep,
        orientation=directory.value(ORIENTATION_TAG, 1),
    )


def _open_aec(content: IO[bytes]) -> OpenedImage:
    def read() -> "Image":
        try:
            return to_pil(decode_aec(content))
        except ValueError as error:
            raise RefusedError(str(error), "restore it from a copy") from error
        except NoCodecError as error:
            raise RefusedError(str(error), "name the run folder of the codec: --codec RUN") from error

    try:
        return ReadByAecli(read_shape(content), read, is_deep=False)
    except ValueError as error:
        raise RefusedError(str(error), "restore it from a copy") from error


def _open_bmp(content: IO[bytes], header: bmp_fields.Header, stack: ExitStack) -> OpenedImage:
    # Pillow decodes run lengths in Python, pixel by pixel.
    _check_size(header.width, header.height, MAX_FRAME_PIXELS if header.has_run_lengths else MAX_PIXELS)
    if not header.has_fields:
        return _open_with_pillow(content, BMP, None, stack)
    shape = (3, header.height, header.width)
    return ReadByAecli(shape, lambda: bmp_fields.read_fields(content, header), is_deep=False)


def _open_with_pillow(content: IO[bytes], found: Format, page: int | None, stack: ExitStack) -> OpenedImage:
    def open_page() -> "Image":
        image = _pillow_image(content, found, stack)
        if page is not None and not _has_frame(image, page):
            raise RefusedError(f"it has no page {page + 1}")
        return image

    image = open_page()
    # `n_frames` of a GIF reads all frames; `is_animated` only checks for a second one.
    is_animated = getattr(image, "is_animated", False) and found not in (JPEG, HEIC)
    if page is None and is_animated:
        raise RefusedError(f"it holds several frames: {SEVERAL}", hint=LEAVE_OUT)
    _check_size(*image.size, MAX_FRAME_PIXELS if is_animated else MAX_PIXELS)
    return ReadByPillow(image, open_page)


def _pillow_image(content: Any, found: Format, stack: ExitStack) -> "Image":
    from PIL import Image

    if found is HEIC:
        import pillow_heif

        pillow_heif.register_heif_opener()
    content.seek(0)
    return stack.enter_context(Image.open(content, formats=[found.plugin]))


def _check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    if width * height > most:
        raise RefusedError(f"{width:,} x {height:,} pixels are more than {most:,}", "make it smaller")


class _StartingAt:
    """A TIFF file whose header names another directory as the first one.

    Pillow finds the directory at once, instead of reading all directories before it.
    """

    def __init__(self, directory: Directory):
        self._file = directory.file
        self._header = directory.header

    def read(self, size: int = -1) -> bytes:
        position = self._file.tell()
        content = self._file.read(size)
        if position >= len(self._header):
            return content
        start = self._header[position : position + len(content)]
        return start + content[len(start) :]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
