"""Models that were trained to compress images, compared at all of their rates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.blocks import Block
from aecli.analyses.compression.image_codecs import CompressedBlock


class EncodingResult(Protocol):
    """What encoding one image gives."""

    @property
    def coded(self) -> Any:
        """What the file of the image keeps."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(C, H, W): what decoding gives."""


class VariableRateModel(Protocol):
    """A model that compresses images at several rates; rate 0 has the best quality and the most bytes."""

    @property
    def rate_weights(self) -> Sequence[float]:
        """The weight of the rate in the training, for each rate."""

    @property
    def decoder_bytes(self) -> int:
        """Bytes of what decoding needs once for all images."""

    def batch_size(self, height: int, width: int) -> int:
        """Return the number of images of this size that are encoded together."""

    def encode(self, images: NDArray[np.uint8], rate: int) -> Sequence[EncodingResult]:
        """Encode (N, C, H, W) images one by one."""

    def encode_set(self, images: NDArray[np.uint8], rate: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Encode (N, C, H, W) images as one stream; return it and the decoded images."""


@dataclass(frozen=True)
class LearnedCodec:
    """A model with its name in the report, and the bytes of what it writes."""

    name: str
    model: VariableRateModel
    file_bytes: Callable[[Any, int], int]
    """Returns the bytes of the file that keeps one image, given what it keeps and the number of channels."""
    set_bytes: Callable[[NDArray[np.uint32], int, tuple[int, ...]], int]
    """Returns the bytes of the file that keeps a set of images, given their stream, the rate and (N, C, H, W)."""
    header_bytes: int
    """The part of the file of one image that does not depend on its content."""
    is_stream: bool
    """Whether all images are one stream, which a model of small images of one size can write."""

    def rates(self) -> "list[CodecRate]":
        """Return the model at each of its rates, from the best quality to the fewest bytes."""
        return [CodecRate(self, rate) for rate in range(len(self.model.rate_weights))]


@dataclass(frozen=True)
class CodecRate:
    """A model at one rate."""

    codec: LearnedCodec
    rate: int

    @property
    def method(self) -> str:
        """The name of the model and the index of the rate."""
        return f"{self.family}, rate {self.rate}"

    @property
    def family(self) -> str:
        """The name of the model."""
        return self.codec.name

    def compress(self, images: Block) -> CompressedBlock:
        """Compress images of equal size, as a file each, or as one stream."""
        codec, model = self.codec, self.codec.model
        if codec.is_stream:
            words, restored = model.encode_set(images, self.rate)
            shape = images.shape
            header_bytes = codec.set_bytes(words[:0], self.rate, shape)
            return CompressedBlock(codec.set_bytes(words, self.rate, shape), header_bytes, restored)
        restored = np.empty_like(images)
        total, size = 0, max(1, model.batch_size(*images.shape[2:]))
        for start in range(0, len(images), size):
            for index, encoded in enumerate(model.encode(images[start : start + size], self.rate), start):
                restored[index] = encoded.pixels
                total += codec.file_bytes(encoded.coded, images.shape[1])
        return CompressedBlock(total, len(images) * codec.header_bytes, restored)

    def finish(self) -> int:
        """Return 0: all files are complete."""
        return 0
