"""Compress images of any size with a codec, in batches: each becomes the content of an `.aec` file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec import AecHeader, pack, read_aec
from aecli.data.image_files import ConvertedImage
from aecli.data.image_set import Failure
from aecli.data.own_size import OwnSizeImages
from aecli.data.shapes import FullShape, size_text
from aecli.errors import InputError, UsageError
from aecli.inference.archive_codec import Codec, Encoded, as_coded, require_rate
from aecli.runtime.threads import map_ordered

WINDOW = 512
"""Images among which those of equal size are encoded together, and those of similar sizes verified together."""
PENDING_VALUES = 1 << 26
"""Values of images that are decoded ahead; one image may have more."""


@dataclass(frozen=True)
class Quality:
    """How well images are kept: at one rate of the model, or each with a PSNR of at least so much."""

    rate: int = 0
    psnr: float | None = None
    """In dB; the rate with the fewest bytes that reaches it is chosen for each image, and `rate` is ignored."""

    def check(self, codec: Codec) -> None:
        """Check that the model has the rate, and that the PSNR is positive.

        Raises:
            UsageError: it does not.
        """
        require_rate(codec, self.rate)
        if self.psnr is not None and not 0 < self.psnr < np.inf:
            raise UsageError(f"not a PSNR in dB: {self.psnr}", hint="for example --psnr 38")

    def reached(self, psnr: float) -> bool:
        """Return whether an image with this PSNR is kept as well as requested."""
        return self.psnr is None or psnr >= self.psnr


@dataclass(frozen=True)
class CompressedImage:
    """An image, and the file that holds it."""

    index: int
    """Its position among the images."""
    content: bytes
    """What the `.aec` file holds."""
    rate: int
    mse: float
    """In gray levels squared."""
    psnr: float
    """In dB."""
    native: FullShape
    """The own (C, H, W) of the image."""
    is_deep: bool
    """Whether the image had more than 8 bits."""


@dataclass(frozen=True)
class FailedImage:
    """An image that could not be compressed."""

    index: int
    failure: Failure


def compress_images(
    codec: Codec, images: OwnSizeImages, indices: Sequence[int], quality: Quality, *, verify: bool = True
) -> Iterator[CompressedImage | FailedImage]:
    """Yield each image as soon as its batch is compressed; images of equal size are compressed together.

    Only the images of a few batches are in memory. The order is that of `indices`, apart from neighbors of different
    sizes.

    Args:
        codec: The model.
        images: The images.
        indices: The images to compress.
        quality: The rate, or the PSNR to reach.
        verify: Whether to decode each file's content, and to compare it with what encoding said.
    """
    waiting = iter(indices)
    while window := list(islice(waiting, WINDOW)):
        batches, failed = _batches(codec, images, window)
        yield from failed
        yield from _compress_batches(codec, images, batches, quality, verify)


_Batch = dict[int, tuple[int, int]]
"""(height, width) of images, by index."""


def _batches(codec: Codec, images: OwnSizeImages, window: Sequence[int]) -> tuple[list[_Batch], list[FailedImage]]:
    """Return batches of images of similar sizes, and the images whose size cannot be read or stored."""

    def shape_of(index: int) -> FullShape | FailedImage:
        try:
            shape = images.native_shape(index)
        except InputError as error:
            return _failed(images, index, error)
        reason = _refusal(codec, shape)
        return FailedImage(index, Failure(images.names[index], reason)) if reason else shape

    sizes, failed = {}, []
    for index, shape in zip(window, map_ordered(shape_of, window), strict=True):
        if isinstance(shape, FailedImage):
            failed.append(shape)
        else:
            sizes[index] = shape[1:]
    return [{index: sizes[index] for index in batch} for batch in batches_of_similar_size(codec, sizes)], failed


def batches_of_similar_size(codec: Codec, sizes: Mapping[int, tuple[int, int]]) -> Iterator[list[int]]:
    """Yield the keys of as many images as the codec takes together, sorted by (height, width)."""
    batch: list[int] = []
    room = 1.0
    for index in sorted(sizes, key=lambda index: (sizes[index], index)):
        share = 1 / max(1, codec.batch_size(*sizes[index]))
        if batch and share > room + 1e-9:
            yield batch
            batch, room = [], 1.0
        batch.append(index)
        room -= share
    if batch:
        yield batch


def _refusal(codec: Codec, shape: FullShape) -> str | None:
    if codec.size is not None and shape[1:] != codec.size:
        return f"{size_text(shape[1:])} pixels, and the model takes {size_text(codec.size)} only"
    return AecHeader("", 0, *shape).refusal()


def _compress_batches(
    codec: Codec, images: OwnSizeImages, batches: Sequence[_Batch], quality: Quality, verify: bool
) -> Iterator[CompressedImage | FailedImage]:
    sizes = {index: size for batch in batches for index, size in batch.items()}

    def read(index: int) -> ConvertedImage | FailedImage:
        try:
            image = images.read(index)
        except InputError as error:
            return _failed(images, index, error)
        if image.pixels.shape[1:] != sizes[index]:
            return FailedImage(index, Failure(images.names[index], "the file has changed while it was read"))
        return image

    def weigh(index: int) -> int:
        height, width = sizes[index]
        return codec.channels * height * width

    decoded = map_ordered(read, list(sizes), weigh=weigh, most=PENDING_VALUES)
    for batch in batches:
        found: dict[int, ConvertedImage] = {}
        for index, image in zip(batch, decoded, strict=False):
            if isinstance(image, FailedImage):
                yield image
            else:
                found[index] = image
        if found:
            yield from _compress(codec, images, found, quality, verify)


def _compress(
    codec: Codec, images: OwnSizeImages, found: dict[int, ConvertedImage], quality: Quality, verify: bool
) -> Iterator[CompressedImage | FailedImage]:
    """Compress images together, or one by one if one of them makes that fail."""
    try:
        encoded = _encode(codec, found, quality)
        contents = {index: _content(codec, each, found[index]) for index, each in encoded.items()}
        if verify:
            coded = [as_coded(read_aec(BytesIO(content))) for content in contents.values()]
            codec.verify(coded, list(encoded.values()))
    except ValueError as error:
        if len(found) == 1:
            yield from (FailedImage(index, Failure(images.names[index], str(error))) for index in found)
            return
        for index, image in found.items():
            yield from _compress(codec, images, {index: image}, quality, verify)
        return
    for index, image in found.items():
        each = encoded[index]
        yield CompressedImage(
            index, contents[index], each.coded.rate, each.mse, each.psnr, image.native, image.depth is not None
        )


def _encode(codec: Codec, found: dict[int, ConvertedImage], quality: Quality) -> dict[int, Encoded]:
    """Encode images, those of equal size together."""
    of_size: dict[tuple[int, ...], list[int]] = {}
    for index, image in found.items():
        of_size.setdefault(image.pixels.shape, []).append(index)
    encoded: dict[int, Encoded] = {}
    for members in of_size.values():
        each_pixels = [found[index].pixels for index in members]
        pixels = np.stack(each_pixels) if len(members) > 1 else each_pixels[0][None]  # a large image is not copied
        encoded |= dict(zip(members, encode_with(codec, pixels, quality), strict=True))
    return {index: encoded[index] for index in found}


def encode_with(codec: Codec, pixels: NDArray[np.uint8], quality: Quality) -> list[Encoded]:
    """Encode (N, C, H, W) images at the rate, or each at the one with the fewest bytes that reaches the PSNR.

    An image that no rate keeps that well is encoded with the best quality.
    """
    if quality.psnr is None:
        return list(codec.encode(pixels, quality.rate))
    first = first_rate(codec, quality.psnr)
    chosen = dict(enumerate(codec.encode(pixels, first)))
    better, worse = (
        [index for index, each in chosen.items() if quality.reached(each.psnr) is reached] for reached in (False, True)
    )
    for rate in range(first - 1, -1, -1):  # those that need more bytes
        better = [index for index in better if not quality.reached(chosen[index].psnr)]
        chosen |= _encode_some(codec, pixels, better, rate)
    for rate in range(first + 1, len(codec.rate_weights)):  # those that need fewer
        tried = _encode_some(codec, pixels, worse, rate)
        worse = [index for index in worse if quality.reached(tried[index].psnr)]
        chosen |= {index: tried[index] for index in worse}
    return [chosen[index] for index in range(len(pixels))]


def first_rate(codec: Codec, psnr: float) -> int:
    """Return the rate with the fewest bytes at which the validation images reach a PSNR, 0 if there is none."""
    return max((rate for rate, reached in enumerate(codec.psnr) if reached >= psnr), default=0)


def _encode_some(codec: Codec, pixels: NDArray[np.uint8], indices: list[int], rate: int) -> dict[int, Encoded]:
    return dict(zip(indices, codec.encode(pixels[indices], rate), strict=True)) if indices else {}


def _content(codec: Codec, encoded: Encoded, image: ConvertedImage) -> bytes:
    return pack(encoded.coded, codec.identity, min(codec.channels, image.native[0]))


def _failed(images: OwnSizeImages, index: int, error: InputError) -> FailedImage:
    return FailedImage(index, Failure(images.names[index], getattr(error, "reason", error.message)))
