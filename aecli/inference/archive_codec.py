"""What archives need of a codec: the interface of `aecli.inference.codec.ImageCodec`, which tests replace."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec import AecImage, CodedImage
from aecli.data.levels import Levels
from aecli.errors import UsageError

UNLIKE_DB = 3
"""An image is unlike the training images if its PSNR is this much below that of the validation images at its rate, and
below that of 99% of them; a set, whose PSNR is that of all images together, if it is this much below."""


class Encoded(Protocol):
    """A compressed image, and what decoding it gives."""

    @property
    def coded(self) -> CodedImage: ...
    @property
    def pixels(self) -> NDArray[np.uint8]: ...
    @property
    def mse(self) -> float: ...
    @property
    def psnr(self) -> float: ...


class Codec(Protocol):
    """A model that compresses images."""

    rate_weights: list[float]
    psnr: list[float]
    unlike_psnr: list[float]
    channels: int
    levels: Levels | Literal["declared"]
    size: tuple[int, int] | None
    identity: str

    def batch_size(self, height: int, width: int) -> int: ...
    def encode(self, images: NDArray[np.uint8], rate: int) -> Sequence[Encoded]: ...
    def decode(self, coded: Sequence[Any]) -> list[NDArray[np.uint8]]: ...
    def verify(self, coded: Sequence[Any], encoded: Sequence[Any]) -> None: ...
    def encode_set(self, images: NDArray[np.uint8], rate: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]: ...
    def decode_set(self, words: NDArray[np.uint32], count: int, rate: int) -> NDArray[np.uint8]: ...


def require_rate(codec: Codec, rate: int) -> None:
    """Check that a codec has a rate.

    Raises:
        UsageError: it does not.
    """
    last = len(codec.rate_weights) - 1
    if not 0 <= rate <= last:
        raise UsageError(
            f"the model has no rate {rate}", hint=f"--rate 0 for the best quality, to {last} for fewest bytes"
        )


def as_coded(image: AecImage) -> Any:
    """Return the image of a file as `decode` takes it."""
    from aecli.inference import codec

    return codec.CodedImage(image.header.rate, image.header.height, image.header.width, image.words)
