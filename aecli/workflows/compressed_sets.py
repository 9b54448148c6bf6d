"""Compress a set of small images of one size to one stream, and decode it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec_set import AecSet, AecSetMeta
from aecli.codes.psnr import psnr
from aecli.data.image_set import Failure, ImageSet
from aecli.errors import InputError, UsageError
from aecli.inference.archive_codec import UNLIKE_DB, Codec
from aecli.inference.archive_encoding import Quality, first_rate
from aecli.runtime.counting import counted
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import short_fingerprint
from aecli.workflows.archive_options import ArchiveOptions
from aecli.workflows.archive_writing import finite

MAX_DIFFERENCE = 1
"""Gray levels by which decoding may differ between batches and machines, as sums of floats are rounded."""
CHUNK = 1024
"""Images whose errors are computed at once."""


@dataclass(frozen=True)
class CompressedSet:
    """A set that was written to a file."""

    quality: Quality
    images: int
    bytes: int
    """Size of the file, with all that it holds."""
    rate: int
    psnr: float
    """In dB, of all images."""
    is_unlike: bool
    """Whether they are unlike the training images, by the PSNR of all of them."""
    failures: Sequence[Failure]
    """Images that could not be read."""
    seconds: float

    @property
    def is_missed(self) -> bool:
        """Whether a PSNR was requested that no rate reaches."""
        return not self.quality.reached(self.psnr)

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the quality."""
        warnings = []
        if self.is_missed:
            warnings.append(f"{self.psnr:.2f} dB with the best quality, below {self.quality.psnr:g} dB")
        if self.is_unlike:
            warnings.append(
                f"{self.psnr:.2f} dB is more than {UNLIKE_DB} dB below the model's validation images at rate "
                f"{self.rate}: these images are probably unlike its training images"
            )
        return warnings

    @property
    def is_partial(self) -> bool:
        """Whether images are missing, or not kept as well as requested."""
        return bool(self.failures) or self.is_missed

    @property
    def bytes_per_image(self) -> float:
        return self.bytes / max(self.images, 1)

    def as_text(self) -> str:
        """Return one line."""
        return (
            f"{counted(self.images, 'image')} in {self.bytes:,} bytes ({self.bytes_per_image:.1f} per image), "
            f"rate {self.rate}, PSNR {self.psnr:.2f} dB"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; an infinite PSNR, of images that are kept exactly, is None."""
        return {
            "images": self.images,
            "failed": len(self.failures),
            "bytes": self.bytes,
            "rate": self.rate,
            "bytes_per_image": round(self.bytes_per_image, 3),
            "psnr": finite(self.psnr),
            "seconds": round(self.seconds, 3),
        }


def write_set(codec: Codec, images: ImageSet, output: Path, options: ArchiveOptions) -> CompressedSet:
    """Compress images, and write one `.npz` file, or to standard output for `-`.

    Args:
        codec: The model, which takes images of one size.
        images: Images of this size.
        output: The file to write.
        options: The quality: a PSNR is that of all images. Names and labels are kept if requested.

    Raises:
        UsageError: the model has no such rate, or takes images of any size.
        InputError: what was encoded does not decode.
        UnavailableError: the file cannot be written.
    """
    started = time.monotonic()
    options.check()
    quality = Quality(options.rate or 0, options.psnr)
    quality.check(codec)
    require_one_size(codec)
    rate, words, pixels = _encode(codec, images.images, quality)
    if options.verify:
        _verify(codec, words, rate, pixels)
    class_names = list(images.class_names) if options.keep_names and images.labels is not None else []
    meta = AecSetMeta(codec.identity, rate, len(images), images.image_shape, images.word, class_names)
    kept = (images.names, images.labels) if options.keep_names else (None, None)
    content = AecSet(meta, words, *kept).to_bytes()
    with atomic_write(output) as file:
        file.write(content)
    psnr = psnr_of(images.images, pixels)
    return CompressedSet(
        quality,
        len(images),
        len(content),
        rate,
        psnr,
        is_unlike=psnr < codec.psnr[rate] - UNLIKE_DB,
        failures=images.failures,
        seconds=time.monotonic() - started,
    )


def require_one_size(codec: Codec) -> None:
    """Check that the codec takes images of one size, as those of a set are.

    Raises:
        UsageError: it takes images of any size.
    """
    if codec.size is None:
        raise UsageError(
            "a codec of images of any size writes one file for each image", hint="name a folder: -o archive/"
        )


def decode_set(codec: Codec, compressed: AecSet) -> ImageSet:
    """Return the images of a set, with its names and labels or else with numbers as names.

    Raises:
        InputError: the set was made by another model, or is damaged.
    """
    meta = compressed.meta
    if meta.identity != codec.identity:
        raise InputError(
            f"these images were compressed by another model ({short_fingerprint(meta.identity)}) than this one "
            f"({short_fingerprint(codec.identity)})",
            hint="decode with the model that compressed them; aecli info FILE.npz shows its identity",
        )
    shape = (codec.channels, *codec.size) if codec.size else None
    if meta.image_shape != shape or meta.rate >= len(codec.rate_weights):
        raise InputError("damaged set of images: its size or rate does not fit the model")
    try:
        pixels = codec.decode_set(compressed.words, meta.count, meta.rate)
    except ValueError as error:
        raise InputError(f"damaged set of images: {error}") from error
    names = np.arange(meta.count).astype(np.str_) if compressed.names is None else compressed.names
    return ImageSet(pixels, names, meta.data, compressed.labels, tuple(meta.class_names))


def _encode(
    codec: Codec, images: NDArray[np.uint8], quality: Quality
) -> tuple[int, NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the rate, the stream and the decoded pixels; with a PSNR, those of the fewest bytes that reach it."""
    if quality.psnr is None:
        return quality.rate, *codec.encode_set(images, quality.rate)
    rate = first_rate(codec, quality.psnr)
    chosen = codec.encode_set(images, rate)
    if quality.reached(psnr_of(images, chosen[1])):
        while rate + 1 < len(codec.rate_weights):
            tried = codec.encode_set(images, rate + 1)
            if not quality.reached(psnr_of(images, tried[1])):
                break
            rate, chosen = rate + 1, tried
    else:
        while rate > 0 and not quality.reached(psnr_of(images, chosen[1])):
            rate -= 1
            chosen = codec.encode_set(images, rate)
    return rate, *chosen


def psnr_of(images: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Return the PSNR in dB of all images as one set; infinite if they are equal."""
    total = 0.0
    for start in range(0, len(images), CHUNK):
        difference = images[start : start + CHUNK].astype(np.float64) - decoded[start : start + CHUNK]
        total += float((difference**2).sum())
    return psnr(total / max(images.size, 1))


def _verify(codec: Codec, words: NDArray[np.uint32], rate: int, pixels: NDArray[np.uint8]) -> None:
    reason = "what was encoded does not decode to the same pixels"
    try:
        decoded = codec.decode_set(words, len(pixels), rate)
    except ValueError as error:
        raise InputError(f"{reason}: {error}") from error
    for start in range(0, len(pixels), CHUNK):
        part = slice(start, start + CHUNK)
        if np.abs(decoded[part].astype(np.int16) - pixels[part]).max(initial=0) > MAX_DIFFERENCE:
            raise InputError(reason)
