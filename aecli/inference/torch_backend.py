"""The model run by torch."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint, CheckpointHeader
from aecli.errors import InputError, UnavailableError
from aecli.models.allocator import keep_freed_memory
from aecli.models.autoencoder import Autoencoder, residual_l2
from aecli.progress import Progress, silent

PIXELS_AT_ONCE = 1 << 20
"""Values of the input in one batch: large enough to keep all cores busy, small enough for the cache."""


class TorchModel:
    """A trained model: the Python side of `encode`, `decode` and `detect`."""

    def __init__(self, checkpoint: Checkpoint, device: str = "auto"):
        keep_freed_memory()
        self.header: CheckpointHeader = checkpoint.header
        self.fingerprint: str = checkpoint.fingerprint
        self._model = checkpoint.model.to(find_device(device))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images that it takes and gives."""
        return self.header.image_shape

    @property
    def decoder_bytes(self) -> int:
        """Bytes of the weights that decoding needs."""
        return sum(weights.numel() * weights.element_size() for weights in self._model.decoder.parameters())

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
        """Return the anomaly score of `images`: (N,) float32, the L2 norm of the error in normalised units."""
        return self.encode_with_residuals(images)[1]

    def encode_with_residuals(
        self, images: NDArray[np.uint8], progress: Progress = silent
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `encode` and `score` return, in one pass."""
        self._check_images(images)
        codes = np.empty((len(images), *self.header.code_shape), np.float32)
        residuals = np.empty(len(images), np.float32)
        for rows, batch_codes, batch_residuals in _encode_batches(self._model, images, np.arange(len(images))):
            codes[rows], residuals[rows] = batch_codes, batch_residuals
            progress("encoding", rows.stop, len(images))
        return codes, residuals

    def decode(self, codes: NDArray[np.float32], progress: Progress = silent) -> NDArray[np.uint8]:
        """Return the images that `codes` stand for, the normalisation undone.

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
        device = self._model.mean.device
        with torch.inference_mode():
            for rows in _batches(len(codes), self.image_shape):
                batch = torch.from_numpy(np.ascontiguousarray(codes[rows], np.float32)).to(device)
                images[rows] = self._model.denormalise(self._model.decode(batch)).cpu().numpy()
                progress("decoding", rows.stop, len(codes))
        return images

    def reconstruct(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return `decode(encode(images))`, (N, C, H, W) uint8."""
        return self.decode(self.encode(images))

    def _check_images(self, images: NDArray[np.uint8]) -> None:
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise InputError(
                f"images are {images.dtype} of shape {images.shape}, "
                f"but the model takes uint8 of shape (N, {', '.join(map(str, self.image_shape))})"
            )


def encode_rows(
    model: Autoencoder, images: NDArray[np.uint8], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the codes and residuals of those `rows` of the images.

    Args:
        model: on the device that it is to run on.
        images: (N, C, H, W) uint8.
        rows: (M,) integers.

    Returns:
        (M, *code shape) float32, and (M,) float32, the L2 norm of each image's error in normalised units.
    """
    batches = list(_encode_batches(model, images, rows))
    return np.concatenate([codes for _, codes, _ in batches]), np.concatenate([each for _, _, each in batches])


def find_device(name: str) -> torch.device:
    """Return the torch device that `--device` names.

    Raises:
        UnavailableError: there is no such device here.
    """
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UnavailableError(f"no device '{name}' here", hint="--device cpu, or auto") from error
    return device


def _encode_batches(
    model: Autoencoder, images: NDArray[np.uint8], rows: NDArray[np.int64]
) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
    device = model.mean.device
    with torch.inference_mode():
        for batch in _batches(len(rows), model.image_shape):
            x = model.normalise(torch.from_numpy(images[rows[batch]]).to(device))
            codes, reconstruction = model(x)
            yield batch, codes.float().cpu().numpy(), residual_l2(x, reconstruction).float().cpu().numpy()


def _batches(count: int, image_shape: tuple[int, int, int]) -> Iterator[slice]:
    size = max(1, PIXELS_AT_ONCE // int(np.prod(image_shape)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
