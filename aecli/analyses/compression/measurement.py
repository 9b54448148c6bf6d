"""Size and quality of one compression method, measured on a set of images."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.blocks import Block, ImageBlocks
from aecli.analyses.compression.image_codecs import CompressedBlock, CompressionMethod
from aecli.analyses.compression.image_quality import ImageQuality, QualitySum
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered

SET_SIZES = (1_000, 10_000, 1_000_000)
"""Numbers of images over which the bytes of the decoder are counted."""
MAX_EXAMPLE_SIDE = 256
"""The most pixels of a side of an example; of larger images, the center is shown."""


@dataclass(frozen=True)
class Row:
    """Size and quality of one compression method."""

    method: str
    family: str
    bytes: int
    """Compressed size of all images, without the decoder."""
    header_bytes: int
    """The part of `bytes` that does not depend on the content: of a format, the bytes of flat images of the same size;
    of entropy-coded codes, those of a file without codes, so that the frequencies of the levels are content."""
    decoder_bytes: int
    """Size of the decoder, which is needed once: the weights of the model; 0 for standard formats."""
    quality: ImageQuality
    images: int
    pixels: int
    """Pixels of all images: the sum of H * W."""
    raw_bytes: int
    """Size of all images as 8-bit pixels."""

    @property
    def bytes_per_image(self) -> float:
        """Without the decoder."""
        return self.bytes / self.images

    def bytes_per_image_of(self, images: int) -> float:
        """Return the bytes per image including the decoder, for a set of so many images."""
        return self.bytes_per_image + self.decoder_bytes / images

    @property
    def bits_per_pixel(self) -> float:
        """Without the decoder; all channels of a pixel together."""
        return 8 * self.bytes / self.pixels

    @property
    def ratio(self) -> float:
        """Compression ratio: raw bytes divided by compressed bytes, without the decoder."""
        return self.raw_bytes / self.bytes if self.bytes else float("inf")

    @property
    def ratio_with_decoder(self) -> float:
        """Compression ratio including the decoder."""
        return self.raw_bytes / (self.bytes + self.decoder_bytes) if self.bytes else float("inf")

    @property
    def saved_percent(self) -> float:
        """Percentage of the raw bytes that is saved, without the decoder; negative if the result is larger."""
        return 100 * (1 - self.bytes / self.raw_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return all metrics as plain values; an infinite PSNR is None."""
        return {
            "method": self.method,
            "family": self.family,
            "bytes": self.bytes,
            "header_bytes": self.header_bytes,
            "decoder_bytes": self.decoder_bytes,
            "bytes_per_image": self.bytes_per_image,
            "bytes_per_image_with_decoder": {str(images): self.bytes_per_image_of(images) for images in SET_SIZES},
            "bits_per_pixel": self.bits_per_pixel,
            "saved_percent": self.saved_percent,
            "ratio": self.ratio,
            "ratio_with_decoder": self.ratio_with_decoder,
            "mse": self.quality.mse,
            "psnr": self.quality.psnr if isfinite(self.quality.psnr) else None,
            "ssim": self.quality.ssim,
        }


@dataclass
class Measurement:
    """A method, and what it has done with the images so far."""

    codec: CompressionMethod
    decoder_bytes: int = 0
    is_whole: bool = False
    """Whether the method compresses all images together."""
    bytes: int = 0
    header_bytes: int = 0
    images: int = 0
    pixels: int = 0
    raw_bytes: int = 0
    quality: QualitySum = field(default_factory=QualitySum)
    examples: list[NDArray[np.uint8]] = field(default_factory=list)
    failure: str | None = None
    """Why the method could not compress an image; its other values are of no use then."""

    def add(self, images: Block, examples: Sequence[int]) -> None:
        """Compress a block of images, and keep those at the indices `examples`."""
        if self.failure:
            return
        try:
            compressed = self.codec.compress(images)
        except (OSError, ValueError, RuntimeError) as error:  # formats limit the size of images
            if self.decoder_bytes:
                raise
            self.failure = str(error)
            return
        self.count(images, compressed, examples)

    def count(self, images: NDArray[np.uint8], compressed: CompressedBlock, examples: Sequence[int]) -> None:
        """Add the bytes and the quality of a block, and keep those of its images at the indices `examples`."""
        self.bytes += compressed.bytes
        self.header_bytes += compressed.header_bytes
        self.images += len(images)
        self.pixels += len(images) * int(np.prod(images.shape[2:]))
        self.raw_bytes += images.nbytes
        self.quality.add(images, compressed.restored)
        self.examples += [_center(compressed.restored[index]).copy() for index in examples]

    def row(self) -> Row:
        """Return the size and the quality after the last image."""
        return Row(
            self.codec.method,
            self.codec.family,
            self.bytes + self.codec.finish(),
            self.header_bytes,
            self.decoder_bytes,
            self.quality.quality(),
            self.images,
            self.pixels,
            self.raw_bytes,
        )


@dataclass(frozen=True)
class Original:
    """The images as they are."""

    method: str = "8-bit pixels"
    family: str = "pixels"

    def compress(self, images: Block) -> CompressedBlock:
        """Return the images."""
        return CompressedBlock(images.nbytes, 0, images)

    def finish(self) -> int:
        """Return 0."""
        return 0


def measure_blocks(
    blocks: ImageBlocks,
    models: Sequence[Measurement],
    formats: Sequence[Measurement],
    examples: Sequence[int],
    progress: Progress,
) -> None:
    """Compress all images, block by block: with the models in turn, with the formats in one thread each.

    `examples` are the sorted indices of the images to keep.
    """
    done = 0
    for block in blocks.read():
        chosen = [index - done for index in examples if done <= index < done + len(block)]
        for _ in map_ordered(partial(Measurement.add, images=block, examples=chosen), formats):
            pass
        for model in models:
            model.add(block, chosen)
        done += len(block)
        progress("compressing images", done, blocks.count)


def measure_whole(
    images: NDArray[np.uint8], methods: Sequence[Measurement], examples: Sequence[int], progress: Progress
) -> None:
    """Compress all (N, C, H, W) images with methods that compress them together."""
    for done, method in enumerate(methods, 1):
        method.add(images, examples)
        progress("compressing codes by methods", done, len(methods))


def _center(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = (max(0, side - MAX_EXAMPLE_SIDE) // 2 for side in image.shape[1:])
    return image[:, top : top + MAX_EXAMPLE_SIDE, left : left + MAX_EXAMPLE_SIDE]
