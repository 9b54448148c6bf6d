"""The interface of trained autoencoders, independent of the library that runs them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.checkpoint.normal_statistics import NormalStatistics
from aecli.checkpoint.trained_images import TrainedImages
from aecli.data.conversion import Conversion
from aecli.data.levels import Levels
from aecli.data.tiling import Tiling
from aecli.errors import InputError
from aecli.inference.inputs import ImagesLike, to_images
from aecli.recipes.schema import Recipe
from aecli.runtime.progress import Progress, silent

MAX_BATCH_VALUES = 1 << 20
"""Pixel values in one batch: enough to keep all cores busy, few enough for the cache."""
NO_IMAGES = "this model encodes features of images, from which it cannot reconstruct images"
NO_IMAGES_HINT = "to decode, train an autoencoder: aecli train DATA -o RUN --recipe photos"
MAX_BATCH_SIZE = 4096
"""Images in one batch, however small they are: the activations of a model need not be small."""


@dataclass(frozen=True)
class ModelOutput:
    """The results of a model for N images; a model of features has no reconstructions."""

    images: NDArray[np.uint8]
    """(N, C, H, W), the input."""
    codes: NDArray[np.float32]
    """(N, *code shape)."""
    decoded: NDArray[np.float32] | None
    """`reconstructions`, or None for a model of features."""
    residual_l2: NDArray[np.float32]
    """(N,), the L2 norm of each image's reconstruction error in normalized units, neither clamped nor rounded; of a
    model of features, that of the standardized features."""

    @property
    def reconstructions(self) -> NDArray[np.float32]:
        """(N, C, H, W), pixel levels in 0..255, clamped but not rounded.

        Raises:
            InputError: the model encodes features.
        """
        if self.decoded is None:
            raise InputError(NO_IMAGES, hint=NO_IMAGES_HINT)
        return self.decoded

    @property
    def error_maps(self) -> NDArray[np.float32]:
        """(N, H, W) in 0..255: the absolute difference of image and reconstruction, averaged over channels."""
        errors: NDArray[np.float32] = np.abs(self.images - self.reconstructions).mean(axis=1)
        return errors

    def take(self, index: int) -> "ModelOutput":
        """Return the results of one image, as arrays of length 1."""
        one = slice(index, index + 1)
        decoded = None if self.decoded is None else self.decoded[one]
        return ModelOutput(self.images[one], self.codes[one], decoded, self.residual_l2[one])

    def copy(self) -> "ModelOutput":
        """Return a copy whose arrays are not parts of larger ones."""
        decoded = None if self.decoded is None else self.decoded.copy()
        return ModelOutput(self.images.copy(), self.codes.copy(), decoded, self.residual_l2.copy())


def conversion_of(header: CheckpointHeader) -> Conversion:
    """Return how images become the input of a model.

    A model that was trained on images of 8 bits takes deep images by the levels that their type declares.
    """
    recipe = Recipe.from_dict(header.recipe).model
    levels = Levels(recipe.black, recipe.white) if recipe.black != "measured" and recipe.white != "measured" else None
    tiling = Tiling(recipe.tile, recipe.tile_overlap) if recipe.tile else None
    return Conversion(header.image_shape, recipe.resize, levels or "declared", header.native_shape, tiling)


def as_input(images: ImagesLike, header: CheckpointHeader) -> NDArray[np.uint8]:
    """Return images of any kind as the input of a model, (N, C, H, W) uint8.

    Raises:
        InputError: the images do not fit the model, or a file cannot be read.
    """
    if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape[1:] == header.image_shape:
        return images
    return to_images(images, conversion_of(header))


class Model(ABC):
    """A trained autoencoder or a model of features, behind `encode`, `decode` and `detect`.

    Each backend is a subclass.
    """

    header: CheckpointHeader
    fingerprint: str
    """Fingerprint of the checkpoint, even if a model exported from it is run."""
    trained_images: TrainedImages | None = None
    """The images that the model was trained on; None if the file is of version 0.1."""
    normal_statistics: NormalStatistics = MappingProxyType({})
    """Statistics of the training images for anomaly scores; empty unless it is a model of features."""
    path: Path | None = None
    """The run folder or the file that the model was loaded from."""
    notes: tuple[str, ...] = ()
    """Notes on how the model was loaded, for the user."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the input images and the reconstructions."""
        return self.header.image_shape

    @property
    def has_images(self) -> bool:
        """Whether codes can be decoded to images: not those of a model of features."""
        return self.header.task != "features"

    def require_images(self) -> None:
        """Check that codes can be decoded to images.

        Raises:
            InputError: the model encodes features.
        """
        if not self.has_images:
            raise InputError(NO_IMAGES, hint=NO_IMAGES_HINT)

    @property
    def conversion(self) -> Conversion:
        """How images become the model's input."""
        return conversion_of(self.header)

    @property
    @abstractmethod
    def decoder_bytes(self) -> int:
        """Bytes of the decoder's weights."""

    def encode(self, images: ImagesLike) -> NDArray[np.float32]:
        """Encode images.

        Args:
            images: An array or a torch tensor of the model's size, (N, C, H, W) or (N, H, W, C), or (N, H, W) for a
                gray model: uint8 in 0..255, or floating point in 0..1. Or one image, as an array without the first
                axis, a Pillow image or the path of an image file. Or a list of single images. Pillow images and files
                may have any size. Details: `aecli.inference.inputs.to_images`.

        Returns:
            (N, *code shape) float32; N is 1 for one image.

        Raises:
            InputError: the shape, type or values of the images do not fit the model, or a file cannot be read.
        """
        return self.encode_with_residuals(images)[0]

    def score(self, images: ImagesLike) -> NDArray[np.float32]:
        """Return the anomaly scores, (N,) float32: the L2 norms of the reconstruction errors in normalized units.

        `images` and the errors are those of `encode`.
        """
        return self.encode_with_residuals(images)[1]

    def encode_with_residuals(
        self, images: ImagesLike, progress: Progress = silent
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the results of both `encode` and `score`, in one pass."""
        images = as_input(images, self.header)
        codes = np.empty((len(images), *self.header.code_shape), np.float32)
        residuals = np.empty(len(images), np.float32)
        done = 0
        for batch_codes, batch_residuals in self.encode_batches(images, progress):
            batch = slice(done, done + len(batch_codes))
            codes[batch], residuals[batch] = batch_codes, batch_residuals
            done = batch.stop
        return codes, residuals

    def encode_batches(
        self, images: NDArray[np.uint8], progress: Progress = silent
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield the codes, (B, *code shape), and scores, (B,), batch by batch in the order of the images.

        Raises:
            InputError: the images do not have the model's shape, or are not uint8.
        """
        require_images(images, self.image_shape)
        for batch in batches(len(images), self.image_shape):
            codes, residuals = require_finite(*self._encode(ensure_writable(images[batch])))
            yield codes, residuals
            progress("encoding images", batch.stop, len(images))

    def outputs(self, images: NDArray[np.uint8]) -> Iterator[ModelOutput]:
        """Yield all results for `images`, (N, C, H, W) uint8, batch by batch in the order of the images.

        Raises:
            InputError: the images do not have the model's shape, or are not uint8.
        """
        require_images(images, self.image_shape)
        for batch in batches(len(images), self.image_shape):
            output = self._forward(ensure_writable(images[batch]))
            require_finite(output.codes, output.residual_l2, *([] if output.decoded is None else [output.decoded]))
            yield output

    def decode(self, codes: NDArray[np.float32], progress: Progress = silent) -> NDArray[np.uint8]:
        """Decode codes into images.

        Args:
            codes: (N, *code shape), floating point.
            progress: Called after each batch.

        Returns:
            (N, C, H, W) uint8 in 0..255.

        Raises:
            InputError: the codes do not have the model's code shape, or are not finite, or the model encodes features.
        """
        self.require_images()
        if codes.shape[1:] != self.header.code_shape:
            raise InputError(
                f"codes of shape {codes.shape[1:]} do not fit the model; its codes have shape {self.header.code_shape}",
                hint="decode with the model that made the codes",
            )
        if not np.isfinite(codes).all():
            raise InputError("the codes contain values that are not finite")
        images = np.empty((len(codes), *self.image_shape), np.uint8)
        for batch in batches(len(codes), self.image_shape):
            (levels,) = require_finite(self.decode_levels(np.ascontiguousarray(codes[batch], np.float32)))
            images[batch] = np.rint(levels)
            progress("decoding codes", batch.stop, len(codes))
        return images

    def reconstruct(self, images: ImagesLike) -> NDArray[np.uint8]:
        """Return `decode(encode(images))`, (N, C, H, W) uint8; `images` are those of `encode`."""
        return self.decode(self.encode(images))

    @abstractmethod
    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the codes and residuals of one batch."""

    @abstractmethod
    def _forward(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return all results of one batch."""

    @abstractmethod
    def decode_levels(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode one batch of codes into pixel levels, (N, C, H, W) in 0..255, clamped but not rounded."""


def require_finite(*arrays: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Return the results of a batch if they are finite: with finite but large weights they can overflow.

    Raises:
        InputError: a value is not finite.
    """
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError("damaged model: its results are not finite", hint="train it again")
    return arrays


def ensure_writable(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a batch as a contiguous, writable array, as torch requires; memory-mapped files are read-only."""
    return images if images.flags.c_contiguous and images.flags.writeable else np.array(images)


def require_images(images: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> None:
    """Check that `images` are uint8 of shape (N, C, H, W), with `image_shape` as (C, H, W).

    Raises:
        InputError: the dtype or the shape differs.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != image_shape:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}, "
            f"but the model takes uint8 of shape (N, {', '.join(map(str, image_shape))})"
        )


def batch_size(image_shape: tuple[int, int, int]) -> int:
    """Return the number of images in a full batch."""
    return min(MAX_BATCH_SIZE, max(1, MAX_BATCH_VALUES // int(np.prod(image_shape))))


def batches(count: int, image_shape: tuple[int, int, int]) -> Iterator[slice]:
    """Yield the slices that divide `count` images into batches."""
    size = batch_size(image_shape)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
