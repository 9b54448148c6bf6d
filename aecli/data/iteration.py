"""The images of a DATA word one by one, each read when it is needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, StandardInput
from aecli.data.image_files import ConvertedImage, decode, decode_tiled
from aecli.data.levels import Levels, ValueRange, to_8_bits
from aecli.data.loading import DEFAULTS, unsplit_content_of
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef, resolve
from aecli.data.resize import fit_image
from aecli.data.source import ImageArrays
from aecli.data.tiled_image import TiledImage
from aecli.errors import UsageError
from aecli.storage.paths import STANDARD_STREAM


@dataclass(frozen=True)
class ImageReader:
    """An image that has not been read yet."""

    name: str
    """The name in results: the path of an image file, or `DATA:NAME` for an image inside a file or a data set."""
    read: Callable[[], ConvertedImage]
    """Returns the image in the requested shape. Raises InputError if it cannot be read."""
    reread: Callable[[Conversion], ConvertedImage] | None = None
    """Reads the image once more, in another shape; None if it can be read only once."""
    read_tiles: Callable[[], TiledImage] | None = None
    """Returns the image in its own size, to be cut into tiles, as `read` does; None if it cannot be cut."""


def iterate_images(
    data: str | DataRef,
    conversion: Conversion,
    options: DataOptions = DEFAULTS,
    on_note: Callable[[str], None] = lambda _: None,
) -> Iterator[ImageReader]:
    """Yield a reader for each image of a DATA word.

    Without a split and classes, a folder yields all image files below it. `-` is one image on standard input.
    `on_note` is called with each note on the data, before the first image.

    Raises:
        InputError: there is no such data, or it is damaged.
        UnavailableError: the data set or a package is not installed.
    """
    if data == str(STANDARD_STREAM):
        if options.pages == "all":
            raise UsageError("standard input is one image", hint="--pages first, or save it to a file")
        image = StandardInput(0 if options.pages == "first" else None)
        cut = partial(decode_tiled, image, conversion)
        yield ImageReader(data, partial(decode, image, conversion), read_tiles=cut)
        return
    ref = resolve(data)
    if ref.classes is None:  # labels are not needed, which some sources read from many files
        options = replace(options, labels_from="none")
    content = unsplit_content_of(ref, options)
    for note in content.notes:
        on_note(f"{ref.name}: {note}")
    if isinstance(content, ImageArrays):
        levels = content.levels(conversion, ref.name)
        for name, pixels in zip(content.names.tolist(), content.images, strict=True):
            reread = partial(_convert, pixels, levels)
            cut = partial(_cut, pixels, levels, conversion)
            yield ImageReader(f"{ref.name}:{name}", partial(reread, conversion), reread, cut)
        return
    for file in content.files:
        # The file itself is listed as the user spells it, such as ./image.png.
        is_itself = isinstance(file, FileOnDisk) and (file.path,) == ref.paths and file.page is None
        name = ref.name if is_itself else file.where
        cut = partial(decode_tiled, file, conversion)
        yield ImageReader(name, partial(decode, file, conversion), partial(decode, file), cut)


def _convert(pixels: NDArray[Any], levels: Levels | None, conversion: Conversion) -> ConvertedImage:
    pixels, depth = _to_8_bits(pixels, levels)
    return ConvertedImage(*fit_image(pixels, conversion), depth)


def _cut(pixels: NDArray[Any], levels: Levels | None, conversion: Conversion) -> TiledImage:
    pixels, depth = _to_8_bits(pixels, levels)
    return TiledImage.of(pixels, conversion, depth)


def _to_8_bits(pixels: NDArray[Any], levels: Levels | None) -> tuple[NDArray[np.uint8], ValueRange | None]:
    return (to_8_bits(pixels, levels), ValueRange.of(pixels, levels)) if levels else (pixels, None)
