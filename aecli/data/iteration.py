"""The images of a DATA word one by one, each read when it is needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_files import decode
from aecli.data.loading import content_of
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef, resolve
from aecli.data.resize import fit_image
from aecli.data.shapes import FullShape
from aecli.data.source import ImageArrays
from aecli.runtime.progress import silent
from aecli.storage.paths import STANDARD_STREAM


@dataclass(frozen=True)
class ImageReader:
    """An image that has not been read yet."""

    name: str
    """The name in results: the path of an image file, or `DATA:NAME` for an image inside a file or a data set."""
    read: Callable[[], tuple[NDArray[np.uint8], FullShape]]
    """Returns (C, H, W) uint8 pixels of the requested shape, and the image's own (C, H, W).

    Raises InputError if the image cannot be read.
    """


def iterate_images(data: str | DataRef, image_shape: FullShape) -> Iterator[ImageReader]:
    """Yield a reader for each image of a DATA word, converted to `image_shape`, (C, H, W).

    Without a split and classes, a folder yields all image files below it. `-` is one image on standard input.

    Raises:
        InputError: there is no such data, or it is damaged.
        UnavailableError: the data set or a package is not installed.
    """
    if data == str(STANDARD_STREAM):
        yield ImageReader(data, partial(decode, STANDARD_STREAM, image_shape))
        return
    ref = resolve(data)
    if ref.split is ref.classes is None:
        content = ref.source.read_unsplit(DataOptions(), silent)
    else:
        content, _ = content_of(ref)
    if isinstance(content, ImageArrays):
        for name, pixels in zip(content.names.tolist(), content.images, strict=True):
            yield ImageReader(f"{ref.name}:{name}", partial(fit_image, pixels, image_shape))
        return
    names = content.names.tolist()
    if len(names) == 1 and content.root / names[0] == ref.path:
        # The file itself is listed as the user spells it, such as ./image.png.
        yield ImageReader(ref.name, partial(decode, content.path(names[0]), image_shape))
        return
    for path in map(content.path, names):
        yield ImageReader(str(path), partial(decode, path, image_shape))
