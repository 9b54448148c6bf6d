"""Images of any size <-> streams of bytes, by an autoencoder that was trained with rates."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint, ModelRef, load_checkpoint, resolve_checkpoint
from aecli.checkpoint.prior_tensors import prior_to_tensors
from aecli.codes.priors import StaticPrior
from aecli.codes.psnr import mean_squared_error, psnr
from aecli.data.levels import Levels
from aecli.errors import InputError, UsageError
from aecli.inference.archive_codec import UNLIKE_DB, require_rate
from aecli.inference.model import batch_size, conversion_of

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController
    from torch import Tensor

    from aecli.models.autoencoder import Autoencoder

BLOCK = 16
"""Pixels between two positions of the code of an image of any size."""
HALO = 2
"""Positions beyond a strip on which its pixels depend; its part of the code depends on the pixels of one."""
LARGEST_STEP = 1e9
LARGEST = 2.0**29
"""Codes are at most so many steps, in absolute value."""
STRIP_PIXELS = 1 << 22
"""Pixels that are encoded or decoded at once; taller images are divided into strips of whole rows."""


@dataclass(frozen=True)
class CodedImage:
    """What a file must keep of an image, besides the identity of the codec."""

    rate: int
    """Index of the rate; 0 is that of the smallest weight: the best quality, the most bytes."""
    height: int
    width: int
    words: NDArray[np.uint32]
    """The entropy-coded stream."""


@dataclass(frozen=True)
class Encoded:
    """A coded image, and what decoding gives."""

    coded: CodedImage
    pixels: NDArray[np.uint8]
    """(C, H, W)."""
    mse: float
    """Mean squared error in gray levels squared."""
    numbers: NDArray[np.int32] | None = None
    """The code in whole multiples of the steps, from which the pixels were decoded."""

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB; infinite without an error."""
        return psnr(self.mse)


class ImageCodec:
    """Encodes images of any size or, if `size` is not None, of one size.

    Raises:
        InputError: the model is not a codec, or its training was interrupted.
        UnavailableError: the device is not available.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto"):
        from aecli.inference.torch_backend import to_device
        from aecli.runtime.torch_threads import load_follower

        header = checkpoint.header
        if not header.is_codec:
            raise InputError(
                f"this model is not a codec: {checkpoint.path} was trained without penalty.rate_weights",
                hint="train one: aecli train DATA -o RUN --recipe codec",
            )
        if checkpoint.prior is None:
            raise InputError(
                f"the training of this codec was interrupted before its last stage: {checkpoint.path}",
                hint="continue it with the same command and --resume",
            )
        self.rate_weights, self.psnr = list(header.rate_weights), list(header.rate_psnr)
        self.unlike_psnr = [
            min(mean - UNLIKE_DB, least)
            for mean, least in zip(self.psnr, header.rate_least_psnr or self.psnr, strict=True)
        ]
        self.channels, height, width = header.image_shape
        levels = conversion_of(header).levels
        self.levels: Levels | Literal["declared"] = levels if isinstance(levels, Levels) else "declared"
        model = checkpoint.autoencoder
        self.size = None if hasattr(model.encoder, "any_size") else (height, width)
        self.identity = _identity(checkpoint)
        self._prior = checkpoint.prior
        self._code_shape = header.code_shape
        self._model: Autoencoder = to_device(model, device)
        self._threads = load_follower(self._model.mean.device.type)
        self._steps: NDArray[np.float32] = model.rate.log_step.detach().exp().cpu().numpy()  # (rates, C)
        if not ((self._steps > 1 / LARGEST_STEP) & (self._steps < LARGEST_STEP)).all():
            raise InputError(f"damaged checkpoint: {checkpoint.path}: steps of rounding that are impossible")
        weights = sum(value.numel() * value.element_size() for value in model.decoder.parameters())
        arrays = self._prior.to_arrays().values()
        self.decoder_bytes = weights + self._steps.nbytes + sum(array.nbytes for array in arrays)

    def batch_size(self, height: int, width: int) -> int:
        """Return the number of images of this size that are encoded together."""
        return batch_size((self.channels, height, width))

    def encode(self, images: NDArray[np.uint8], rate: int) -> list[Encoded]:
        """Encode images of one size, (N, C, H, W).

        Raises:
            UsageError: there is no such rate.
            InputError: the images do not have the size of the codec.
        """
        numbers = self._numbers(images, rate)
        _, _, height, width = images.shape
        encoded = []
        for image, number, pixels in zip(images, numbers, self._pixels(numbers, rate, height, width), strict=True):
            with _one_blas_thread():
                words = self._words(number, rate)
            coded, mse = CodedImage(rate, height, width, words), mean_squared_error(pixels, image)
            encoded.append(Encoded(coded, pixels, mse, number))
        return encoded

    def measure(self, images: NDArray[np.uint8], rate: int) -> list[float]:
        """Return the mean squared errors of images at a rate, without entropy coding them."""
        decoded = self._pixels(self._numbers(images, rate), rate, *images.shape[2:])
        return list(map(mean_squared_error, decoded, images))

    def decode(self, coded: Sequence[CodedImage]) -> list[NDArray[np.uint8]]:
        """Return the pixels of coded images, (C, H, W) each.

        The streams of small images are decoded together, and so are the pixels of images of one size and rate.

        Raises:
            ValueError: a stream is damaged.
        """
        numbers = self._read(coded)
        pixels: list[NDArray[np.uint8] | None] = [None] * len(coded)
        groups: dict[tuple[int, int, int], list[int]] = {}
        for index, each in enumerate(coded):
            groups.setdefault((each.rate, each.height, each.width), []).append(index)
        for (rate, height, width), members in groups.items():
            most = self.batch_size(height, width)
            for start in range(0, len(members), most):
                batch = members[start : start + most]
                codes = np.stack([numbers[index] for index in batch]) if len(batch) > 1 else numbers[batch[0]][None]
                for index, image in zip(batch, self._pixels(codes, rate, height, width), strict=True):
                    pixels[index] = image
        return [image for image in pixels if image is not None]

    def verify(self, coded: Sequence[CodedImage], encoded: Sequence[Encoded]) -> None:
        """Check that streams decode to the codes from which the pixels of encoded images were computed.

        Raises:
            ValueError: one does not.
        """
        for numbers, each, expected in zip(self._read(coded), coded, encoded, strict=True):
            described = (each.rate, each.height, each.width)
            known = (expected.coded.rate, expected.coded.height, expected.coded.width)
            if described != known or expected.numbers is None or not np.array_equal(numbers, expected.numbers):
                raise ValueError("what was encoded does not decode to the same pixels")

    def encode_set(self, images: NDArray[np.uint8], rate: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Encode many images of one size, (N, C, H, W), as one stream; return it and the decoded pixels.

        Raises:
            UsageError: there is no such rate, or the prior of the codec codes each image by itself.
            InputError: the images do not have the size of the codec.
        """
        prior, step = self._static_prior(), self.batch_size(*images.shape[2:])
        parts = [self._numbers(images[start : start + step], rate) for start in range(0, len(images), step)]
        numbers = np.concatenate([np.empty((0, *self._code_shape), np.int32), *parts])
        return prior.encode(numbers, rate), self._all_pixels(numbers, rate, *images.shape[2:])

    def decode_set(self, words: NDArray[np.uint32], count: int, rate: int) -> NDArray[np.uint8]:
        """Return the pixels, (N, C, H, W), of a stream of `count` images of the codec's own size.

        Raises:
            ValueError: the stream is damaged.
        """
        require_rate(self, rate)
        assert self.size is not None
        numbers = self._static_prior().decode(words, (count, *self._code_shape), rate)
        return self._all_pixels(numbers, rate, *self.size)

    def _static_prior(self) -> StaticPrior:
        if not isinstance(self._prior, StaticPrior) or self.size is None:
            raise UsageError(
                "this codec writes one file for each image, not one stream for a set", hint="name a folder: -o archive/"
            )
        return self._prior

    def _words(self, numbers: NDArray[np.int32], rate: int) -> NDArray[np.uint32]:
        if isinstance(self._prior, StaticPrior):
            return self._prior.encode(numbers[None], rate)
        return self._prior.encode(numbers, rate)

    def _read(self, coded: Sequence[CodedImage]) -> list[NDArray[np.int32]]:
        """Return the codes of streams in whole multiples of the steps of their rates."""
        for each in coded:
            require_rate(self, each.rate)
        shapes = [self._shape_of(each.height, each.width) for each in coded]
        streams, rates = [each.words for each in coded], [each.rate for each in coded]
        with _one_blas_thread():
            if isinstance(self._prior, StaticPrior):
                parts = zip(streams, shapes, rates, strict=True)
                return [self._prior.decode(words, (1, *shape), rate)[0] for words, shape, rate in parts]
            return self._prior.decode(streams, shapes, rates)

    def _shape_of(self, height: int, width: int) -> tuple[int, ...]:
        if self.size is None:
            return self._code_shape[0], -(-height // BLOCK), -(-width // BLOCK)
        if (height, width) != self.size:
            raise ValueError(f"an image of {width}x{height} pixels, not {self.size[1]}x{self.size[0]}")
        return self._code_shape

    def _numbers(self, images: NDArray[np.uint8], rate: int) -> NDArray[np.int32]:
        """Return the codes of images, (N, C, H, W), in whole multiples of the steps of the rate."""
        import torch

        require_rate(self, rate)
        self._threads.update()
        _, channels, height, width = images.shape
        if channels != self.channels or (self.size is not None and (height, width) != self.size):
            wanted = f"{self.size[1]}x{self.size[0]}" if self.size else "any"
            raise InputError(
                f"this codec encodes images of {wanted} pixels with {self.channels} channels, not {width}x{height} "
                f"with {channels}",
                hint="for images of any size, train one with --recipe codec",
            )
        steps = self._steps[rate].reshape(-1, *[1] * (len(self._code_shape) - 1))
        numbers = np.empty((len(images), *self._shape_of(height, width)), np.int32)
        with torch.inference_mode():
            for outer, inner in self._strips(height, width):
                rows = images[:, :, outer.start * BLOCK : outer.stop * BLOCK] if self.size is None else images
                x = self._model.normalize(torch.from_numpy(np.array(rows)).to(self._model.mean.device))
                with np.errstate(over="ignore", invalid="ignore"):  # of a damaged model; refused below
                    whole = np.rint(self._model.encode(x).float().cpu().numpy() / steps)
                if not np.isfinite(whole).all():
                    raise InputError("damaged checkpoint: codes that are not finite", hint="train the codec again")
                if self.size is None:
                    top = outer.start + inner.start
                    numbers[:, :, top : top + inner.stop - inner.start] = whole[:, :, inner].clip(-LARGEST, LARGEST)
                else:
                    numbers[:] = whole.clip(-LARGEST, LARGEST)
        return numbers

    def _pixels(self, numbers: NDArray[np.int32], rate: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return the images, (N, C, H, W), of codes in whole multiples of the steps."""
        import torch

        self._threads.update()
        steps = self._steps[rate].reshape(-1, *[1] * (len(self._code_shape) - 1))
        if self.size is not None:
            with torch.inference_mode():
                return self._images(self._model.decode(self._tensor(numbers * steps)))
        pixels = np.empty((len(numbers), self.channels, height, width), np.uint8)
        with torch.inference_mode():
            for outer, inner in self._strips(height, width):
                used = np.flatnonzero(numbers[:, :, outer].any((0, 2, 3)))  # few channels of high frequencies are
                used = used if len(used) else np.zeros(1, np.intp)  # a convolution needs a channel
                codes = self._tensor(np.multiply(numbers[:, used, outer], steps[used], dtype=np.float32))
                expanded = self._model.decoder.expand_some(codes, torch.from_numpy(used).to(codes.device))  # type: ignore[operator]
                top = (outer.start + inner.start) * BLOCK
                rows = self._images(expanded[:, :, inner.start * BLOCK : inner.stop * BLOCK, :width])
                pixels[:, :, top : top + rows.shape[2]] = rows[:, :, : height - top]
        return pixels

    def _all_pixels(self, numbers: NDArray[np.int32], rate: int, height: int, width: int) -> NDArray[np.uint8]:
        step = self.batch_size(height, width)
        parts = [
            self._pixels(numbers[start : start + step], rate, height, width) for start in range(0, len(numbers), step)
        ]
        return np.concatenate([np.empty((0, self.channels, height, width), np.uint8), *parts])

    def _tensor(self, codes: NDArray[np.float32]) -> "Tensor":
        import torch

        return torch.from_numpy(np.ascontiguousarray(codes, np.float32)).to(self._model.mean.device)

    def _images(self, x: "Tensor") -> NDArray[np.uint8]:
        images: NDArray[np.uint8] = self._model.denormalize(x).cpu().numpy()
        return images

    def _strips(self, height: int, width: int) -> Iterator[tuple[slice, slice]]:
        """Yield rows of the code that are computed together, with a halo, and which of these are kept."""
        rows = -(-height // BLOCK)
        most = rows if self.size is not None else max(HALO, STRIP_PIXELS // (BLOCK * -(-width // BLOCK) * BLOCK))
        for top in range(0, rows, most):
            bottom = min(top + most, rows)
            start = max(0, top - HALO)
            yield slice(start, min(rows, bottom + HALO)), slice(top - start, bottom - start)


@cache
def _blas() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS from waking its threads for the small products of a prior: they would mostly wait for each other."""
    limit: AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")
    return limit


def load_codec(model: str | Path | ModelRef, device: str = "auto") -> ImageCodec:
    """Load the codec of a run folder or checkpoint.

    Raises:
        InputError: the file is missing or damaged, or the model is not a codec.
        UnavailableError: the device is not available.
    """
    return ImageCodec(load_checkpoint(resolve_checkpoint(model)), device)


def _identity(checkpoint: Checkpoint) -> str:
    """Return the SHA-256 of all that decoding needs."""
    header, model = checkpoint.header, checkpoint.autoencoder
    digest = hashlib.sha256()
    described = (header.architecture, sorted(header.arguments.items()), header.image_shape, header.mean, header.std)
    digest.update(repr(described).encode())
    tensors = {f"decoder.{name}": value.numpy() for name, value in model.decoder.state_dict().items()}
    tensors |= {"rate.log_step": model.rate.log_step.detach().numpy()} | prior_to_tensors(checkpoint.prior)
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return f"sha256:{digest.hexdigest()}"
