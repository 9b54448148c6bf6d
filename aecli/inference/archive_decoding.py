"""Decode `.aec` files with the codec that made them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec import AecHeader, AecImage, read_aec, read_aec_header, short_identity
from aecli.data.image_set import Failure
from aecli.data.resize import to_channels
from aecli.errors import InputError
from aecli.inference.archive_codec import Codec, as_coded
from aecli.inference.archive_encoding import FailedImage, batches_of_similar_size
from aecli.runtime.threads import map_ordered
from aecli.storage.paths import require_file

FOREIGN = "made by another model"
"""The start of the reason of a file that another codec has made."""
WINDOW = 512
"""Files among which those of similar sizes are decoded together."""


@dataclass(frozen=True)
class RestoredImage:
    """A decoded image."""

    index: int
    """Its position among the files."""
    pixels: NDArray[np.uint8]
    """(C, H, W) in the image's own size, C 1 for a gray image."""


def restore_images(codec: Codec, paths: Sequence[Path]) -> Iterator[RestoredImage | FailedImage]:
    """Yield the image of each file as soon as it is decoded; images of similar sizes are decoded together.

    Only the images of one batch are in memory. A file that is damaged or of another model is a `FailedImage` with the
    reason. The order is that of the paths, apart from neighbors of different sizes.
    """
    waiting = iter(range(len(paths)))
    while window := list(islice(waiting, WINDOW)):
        sizes = {}
        headers = map_ordered(lambda index: _header(codec, paths[index]), window)
        for index, header in zip(window, headers, strict=True):
            if isinstance(header, str):
                yield FailedImage(index, Failure(str(paths[index]), header))
            else:
                sizes[index] = header.height, header.width
        for batch in batches_of_similar_size(codec, sizes):
            yield from _restore_batch(codec, paths, batch)


def read_file(path: Path) -> AecImage:
    """Read and check an `.aec` file.

    Raises:
        ValueError: it is missing, damaged or of another kind; a short reason.
    """
    try:
        require_file(path, "file")
        with path.open("rb") as file:
            return read_aec(file)
    except InputError as error:
        raise ValueError(error.message.removesuffix(f": {path}")) from error
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from error


def decode_image(codec: Codec, images: Sequence[AecImage]) -> list[NDArray[np.uint8]]:
    """Return the (C, H, W) pixels of images that this codec has made, C 1 for a gray image.

    Raises:
        ValueError: an image is damaged or was made by another model; a short reason.
    """
    for image in images:
        if reason := foreign_reason(codec, image.header):
            raise ValueError(reason)
    decoded = codec.decode([as_coded(image) for image in images])
    return [to_channels(pixels[None], image.header.channels)[0] for pixels, image in zip(decoded, images, strict=True)]


def foreign_reason(codec: Codec, header: AecHeader) -> str | None:
    """Return the reason why the codec cannot decode an image; None if it can."""
    own = short_identity(codec.identity)
    if header.identity != own:
        return f"{FOREIGN} ({header.identity}) than this one ({own})"
    if header.rate >= len(codec.rate_weights):
        return f"damaged: the model has no rate {header.rate}"
    if header.channels > codec.channels:
        return "damaged: a color image of a model of gray images"
    if codec.size is not None and codec.size != (header.height, header.width):
        return f"damaged: {header.width} x {header.height} pixels do not fit the model"
    return None


def _header(codec: Codec, path: Path) -> AecHeader | str:
    """Return the header of a file, or the reason why it cannot be decoded."""
    try:
        require_file(path, "file")
        with path.open("rb") as file:
            header = read_aec_header(file)
    except InputError as error:
        return error.message.removesuffix(f": {path}")
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return str(error)
    return foreign_reason(codec, header) or header


def _restore_batch(codec: Codec, paths: Sequence[Path], indices: list[int]) -> Iterator[RestoredImage | FailedImage]:
    """Decode files together, or one by one if one of them is damaged."""
    try:
        decoded = decode_image(codec, [read_file(paths[index]) for index in indices])
    except ValueError as error:
        if len(indices) == 1:
            yield FailedImage(indices[0], Failure(str(paths[indices[0]]), str(error)))
            return
        for index in indices:
            yield from _restore_batch(codec, paths, [index])
        return
    for index, pixels in zip(indices, decoded, strict=True):
        yield RestoredImage(index, pixels)
