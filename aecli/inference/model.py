"""A trained model, whatever runs it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.errors import InputError
from aecli.runtime.progress import Progress, silent

PIXELS_AT_ONCE = 1 << 20
"""Values of the input in one batch: large enough to keep all cores busy, small enough for the cache."""
MOST_AT_ONCE = 4096
"""Images in one batch, however small they are: what layers make of them need not be small."""


@dataclass(frozen=True)
class ModelOutput:
    """What a model makes of N images."""

    images: NDArray[np.uint8]
    """(N, C, H, W), those that it was given."""
    codes: NDArray[np.float32]
    """(N, *code shape)"""
    reconstructions: NDArray[np.float32]
    """(N, C, H, W), levels in 0..255, clamped but not rounded."""
    residual_l2: NDArray[np.float32]
    """(N,), the L2 norm of each image's error in normalized units, neither clamped nor rounded."""

    def take(self, row: int) -> "ModelOutput":
        """Return what the model makes of one of the images: each array has one row."""
        one = slice(row, row + 1)
        return ModelOutput(self.images[one], self.codes[one], self.reconstructions[one], self.residual_l2[one])


class Model(ABC):
    """A trained model: the Python side of `encode`, `decode` and `detect`. One backend is one class derived from it."""

    header: CheckpointHeader
    fingerprint: str
    """Of the checkpoint, also where a file made from it is run."""
    notes: tuple[str, ...] = ()
    """What a person should know of how it was loaded."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images that it takes and gives."""
        return self.header.image_shape

    @property
    @abstractmethod
    def decoder_bytes(self) -> int:
        """Bytes of the weights that decoding needs."""

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the codes of `images`.

        Args:
            images: (N, C, H, W) uint8 in 0..255.

        Returns:
            (N, *code shape) float32.

        Raises:
            InputError: the images have another shape or dtype than the model takes.
        """
        return self.encode_with_residuals(images)[0]

    def score(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the anomaly score of `images`: (N,) float32, the L2 norm of the error in normalized units."""
        return self.encode_with_residuals(images)[1]

    def encode_with_residuals(
        self, images: NDArray[np.uint8], progress: Progress = silent
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `encode` and `score` return, in one pass."""
        codes = np.empty((len(images), *self.header.code_shape), np.float32)
        residuals = np.empty(len(images), np.float32)
        done = 0
        for some, of_some in self.encode_batches(images, progress):
            rows = slice(done, done + len(some))
            codes[rows], residuals[rows] = some, of_some
            done = rows.stop
        return codes, residuals

    def encode_batches(
        self, images: NDArray[np.uint8], progress: Progress = silent
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield the codes, (B, *code shape), and scores, (B,), of `images`, batch after batch in their order.

        Raises:
            InputError: the images have another shape or dtype than the model takes.
        """
        require_images(images, self.image_shape)
        for rows in batches(len(images), self.image_shape):
            codes, residuals = require_finite(*self._encode(ensure_writable(images[rows])))
            yield codes, residuals
            progress("encoding", rows.stop, len(images))

    def outputs(self, images: NDArray[np.uint8]) -> Iterator[ModelOutput]:
        """Yield what the model makes of `images`, (N, C, H, W) uint8, batch after batch in their order.

        Raises:
            InputError: the images have another shape or dtype than the model takes.
        """
        require_images(images, self.image_shape)
        for rows in batches(len(images), self.image_shape):
            output = self._forward(ensure_writable(images[rows]))
            require_finite(output.codes, output.reconstructions, output.residual_l2)
            yield output

    def decode(self, codes: NDArray[np.float32], progress: Progress = silent) -> NDArray[np.uint8]:
        """Return the images that `codes` stand for, the normalization undone.

        Args:
            codes: (N, *code shape) floating point.
            progress: told of each batch.

        Returns:
            (N, C, H, W) uint8 in 0..255.

        Raises:
            InputError: the codes have another shape than the model's, or are not finite.
        """
        if codes.shape[1:] != self.header.code_shape:
            raise InputError(
                f"codes of shape {codes.shape[1:]} do not fit the model, which has {self.header.code_shape}",
                hint="decode with the model that made the codes",
            )
        if not np.isfinite(codes).all():
            raise InputError("codes that are not finite")
        images = np.empty((len(codes), *self.image_shape), np.uint8)
        for rows in batches(len(codes), self.image_shape):
            (levels,) = require_finite(self.decode_levels(np.ascontiguousarray(codes[rows], np.float32)))
            images[rows] = np.rint(levels)
            progress("decoding", rows.stop, len(codes))
        return images

    def reconstruct(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return `decode(encode(images))`, (N, C, H, W) uint8."""
        return self.decode(self.encode(images))

    @abstractmethod
    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the codes and residuals of one batch."""

    @abstractmethod
    def _forward(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return all that the model makes of one batch."""

    @abstractmethod
    def decode_levels(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the levels, (N, C, H, W) in 0..255, clamped but not rounded, that one batch of codes stands for."""


def require_finite(*arrays: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Return what a model makes of a batch, if that is numbers: weights may be finite and yet too large.

    Raises:
        InputError: it is not.
    """
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError("damaged model: it gives values that are not finite", hint="train it again")
    return arrays


def ensure_writable(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a batch as an array that torch may take over: in one piece, and no read-only map of a file."""
    return images if images.flags.c_contiguous and images.flags.writeable else np.array(images)


def require_images(images: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> None:
    """See that `images` are uint8 (N, C, H, W) with that (C, H, W).

    Raises:
        InputError: they are not.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != image_shape:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}, "
            f"but the model takes uint8 of shape (N, {', '.join(map(str, image_shape))})"
        )


def batch_size(image_shape: tuple[int, int, int]) -> int:
    """Return how many images are worked on at once."""
    return min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // int(np.prod(image_shape))))


def batches(count: int, image_shape: tuple[int, int, int]) -> Iterator[slice]:
    """Yield the slices of `count` images that are worked on at once."""
    size = batch_size(image_shape)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
