"""A codec without a model, with the interface of `aecli.inference.codec.ImageCodec`."""

import hashlib
import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aecli.data.levels import Levels
from aecli.inference.codec import CodedImage, Encoded

STEPS = (2, 8, 32)
"""The step between gray levels at each rate."""


class FakeCodec:
    """Rounds gray levels to multiples of a step, and packs them with zlib."""

    def __init__(self, channels: int = 1, size: tuple[int, int] | None = None, name: str = "fake"):
        self.rate_weights = [0.01, 0.1, 1.0]
        self.psnr = [50.0, 40.0, 28.0]
        self.unlike_psnr = [47.0, 37.0, 25.0]
        self.decoder_bytes = 1000
        self.channels = channels
        self.levels: Levels | Literal["declared"] = "declared"
        self.size = size
        self.identity = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
        self.encoded: list[tuple[int, int]] = []
        """(images, rate) of each call of `encode`."""

    def batch_size(self, height: int, width: int) -> int:
        return max(1, min(4, 4096 // (height * width)))

    def encode(self, images: NDArray[np.uint8], rate: int) -> list[Encoded]:
        assert len(images) <= self.batch_size(*images.shape[2:])
        self.encoded.append((len(images), rate))
        return [self._encode(image, rate) for image in images]

    def _encode(self, image: NDArray[np.uint8], rate: int) -> Encoded:
        levels = np.round(image / STEPS[rate]).astype(np.uint8)
        pixels = _values(levels, rate)
        mse = float(np.mean((pixels.astype(float) - image) ** 2))
        return Encoded(CodedImage(rate, image.shape[1], image.shape[2], _pack(levels)), pixels, mse)

    def decode(self, coded: Sequence[CodedImage]) -> list[NDArray[np.uint8]]:
        return [
            _values(_unpack(each.words, (self.channels, each.height, each.width)), self._known(each.rate))
            for each in coded
        ]

    def verify(self, coded: Sequence[CodedImage], encoded: Sequence[Encoded]) -> None:
        for pixels, each in zip(self.decode(coded), encoded, strict=True):
            if not np.array_equal(pixels, each.pixels):
                raise ValueError("what was encoded does not decode to the same pixels")

    def encode_set(self, images: NDArray[np.uint8], rate: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        levels = np.round(images / STEPS[rate]).astype(np.uint8)
        return _pack(levels), _values(levels, rate)

    def decode_set(self, words: NDArray[np.uint32], count: int, rate: int) -> NDArray[np.uint8]:
        assert self.size
        return _values(_unpack(words, (count, self.channels, *self.size)), self._known(rate))

    def _known(self, rate: int) -> int:
        if rate >= len(STEPS):
            raise ValueError(f"the model has no rate {rate}")
        return rate


def _values(levels: NDArray[np.uint8], rate: int) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.minimum(levels.astype(int) * STEPS[rate], 255).astype(np.uint8)
    return pixels


def _pack(levels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    stream = zlib.compress(levels.tobytes())
    padding = -(len(stream) + 1) % 4
    return np.frombuffer(bytes([padding]) + stream + bytes(padding), "<u4").astype(np.uint32)


def _unpack(words: NDArray[np.uint32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    stream = words.astype("<u4").tobytes()
    try:
        levels = zlib.decompressobj().decompress(stream[1 : len(stream) - stream[0]], int(np.prod(shape)) + 1)
    except (zlib.error, IndexError) as error:
        raise ValueError("the stream is damaged") from error
    if len(levels) != np.prod(shape):
        raise ValueError("the stream does not fit the size")
    return np.frombuffer(levels, np.uint8).reshape(shape)
