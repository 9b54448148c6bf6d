"""The images of a DATA word one by one in their own size, each read when it is needed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.image_files import ConvertedImage, decode, native_shape
from aecli.data.levels import Levels, to_8_bits
from aecli.data.loading import DEFAULTS, unsplit_content_of
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.resize import fit_image
from aecli.data.shapes import FullShape
from aecli.data.source import ImageArrays
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class OwnSizeImages:
    """N images that have not been read yet.

    The functions may be called from several threads, all within one `aecli.data.image_files.quiet()`.
    """

    names: tuple[str, ...]
    """The names of the images, unique posix paths."""
    labels: NDArray[np.int64] | None
    """(N,) indices into `class_names`, -1 for an image without a class; None if no image has one."""
    class_names: tuple[str, ...]
    native_shape: Callable[[int], FullShape]
    """Returns the own (C, H, W) of an image. Raises UnreadableImageError."""
    read: Callable[[int], ConvertedImage]
    """Returns an image with the requested channels. Raises InputError if it cannot be read."""
    own_file: Callable[[int], Path | None]
    """Returns the file on disk of an image, as `EncodedImage.own_file`."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def own_size_images(
    ref: DataRef,
    channels: int,
    levels: Levels | Literal["declared"] = "declared",
    options: DataOptions = DEFAULTS,
    progress: Progress = silent,
) -> OwnSizeImages:
    """Return the images of a DATA word in their own size; without a split and classes, all images below a folder.

    Args:
        ref: A resolved DATA word.
        channels: 1 or 3: gray images become color images, or the other way round.
        levels: The values of images of more than 8 bits that become 0 and 255, or `declared` by each image.
        options: How the data is read.
        progress: Called while pages are counted.

    Raises:
        InputError: there is no such data, or it is damaged.
        UnavailableError: the data set or a package is not installed.
    """
    content = unsplit_content_of(ref, options, progress)
    conversion = Conversion((channels, None, None), levels=levels)
    if isinstance(content, ImageArrays):
        return _of_arrays(content, conversion, content.levels(conversion, ref.name))
    files = content.files
    return OwnSizeImages(
        tuple(content.names.tolist()),
        content.labels,
        content.class_names,
        lambda index: native_shape(files[index]),
        lambda index: decode(files[index], conversion),
        lambda index: files[index].own_file,
        content.notes,
    )


def _of_arrays(content: ImageArrays, conversion: Conversion, levels: Levels | None) -> OwnSizeImages:
    channels, height, width = content.images.shape[1:]
    depth = replace(content.depth, levels=levels) if content.depth and levels else None

    def read(index: int) -> ConvertedImage:
        pixels = content.images[index]
        converted, native = fit_image(to_8_bits(pixels, levels) if levels else pixels, conversion)
        return ConvertedImage(converted, native, depth)

    return OwnSizeImages(
        tuple(content.names.tolist()),
        content.labels,
        content.class_names,
        lambda index: (channels, height, width),
        read,
        lambda index: None,
        content.notes,
    )
