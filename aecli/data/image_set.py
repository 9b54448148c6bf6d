"""What every DATA word becomes."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aecli.storage.paths import fingerprint


@dataclass(frozen=True)
class Failure:
    """A picture that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class ImageSet:
    """Images with what is known of them, in a sorted and stable order."""

    images: NDArray[np.uint8]
    """(N, C, H, W) uint8 in 0..255; a read-only memory map where the set is larger than the memory budget."""
    names: NDArray[np.str_]
    """(N,) unicode: the path below the folder, or split/index."""
    word: str
    """The DATA word that it came from, with the split: `mnist5k:train`."""
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `class_names`, UNLABELED (-1) for an image without a label; None where none is known."""
    class_names: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Pictures that were left out because they could not be read."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the images were made: resized, converted."""
    known_fingerprint: str | None = field(default=None, repr=False, compare=False)
    """The fingerprint, where its maker computed it on the way."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the pixels, their shape and the labels, the same on every machine."""
        if self.known_fingerprint:
            return self.known_fingerprint
        return image_fingerprint(self.images, self.labels)

    def take(self, indices: NDArray[np.int64]) -> "ImageSet":
        """Return the images at `indices`, (M,) integers, in that order; copied into memory."""
        return replace(
            self,
            images=self.images[indices],
            names=self.names[indices],
            labels=None if self.labels is None else self.labels[indices],
            known_fingerprint=None,
        )


def image_fingerprint(images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> str:
    """SHA-256 over shape, pixels and labels of (N, C, H, W) uint8 images and (N,) int64 labels."""
    pixels = hashlib.sha256()
    for start in range(0, len(images), 4096):
        pixels.update(np.ascontiguousarray(images[start : start + 4096]).data.cast("B"))
    return fingerprint_of(pixels.digest(), images.shape, labels)


def fingerprint_of(pixel_digest: bytes, shape: tuple[int, ...], labels: NDArray[np.int64] | None) -> str:
    """The same, from the SHA-256 digest of all pixels in order, which a writer of a large set takes on its way."""
    parts = [pixel_digest, repr(tuple(map(int, shape))).encode()]
    if labels is not None:
        parts.append(np.asarray(labels, dtype="<i8").tobytes())
    return fingerprint(parts)
