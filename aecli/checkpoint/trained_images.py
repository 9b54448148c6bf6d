"""The images that a model was trained on, remembered in at most 2 bytes each.

The identity of an image is a hash of its pixels as the model takes them, so that renamed, copied and archived images
are recognized. The set of hashes is Golomb-Rice coded: n images are hashed to 0..n * 2**14 - 1, and of each difference
between two successive sorted hashes, the lowest 14 bits are stored as they are and the rest in unary. The unary parts
add up to less than 2n bits, in practice 1.6n. An image that the model was not trained on is mistaken for one of these
with a probability of 2**-14.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil, lgamma, log
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aecli.runtime.threads import map_ordered

TENSOR = "trained_images"
"""Name of the tensor, (B,) uint8, that holds the memory in a checkpoint and in an exported model."""
LOW_BITS = 14
MAX_CHUNK, CHUNK_BYTES = 1024, 4 * 2**20
"""The most images, and bytes of images, that one thread hashes at once."""
MAX_CHANCE = 0.01
"""Matches are reported only if chance explains as many with a smaller probability."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class TrainedImages:
    """The images of one training, or of several if it started from a trained model."""

    sets: tuple[Hashes, ...] = field(repr=False)
    """For each training, from the first to the last, the sorted hashes, (n,) in 0..n * 2**14 - 1, of the images that
    no earlier one contains."""

    @classmethod
    def of(cls, images: NDArray[np.uint8], indices: NDArray[np.int64], earlier: "TrainedImages | None" = None) -> Self:
        """Return the memory of a training.

        Args:
            images: (N, C, H, W) uint8 in 0..255.
            indices: (M,) the images that the model is trained on.
            earlier: The memory of the model that the training starts from.
        """
        sets = earlier.sets if earlier else ()
        digests = np.unique(np.concatenate([np.zeros(0, np.uint64), *_digests(images, indices)]))
        digests = digests[~_contained(digests, sets)]
        return cls((*sets, np.sort(_reduced(digests, len(digests)))) if len(digests) else sets)

    @property
    def counts(self) -> list[int]:
        """The number of images in each of the sets."""
        return [len(hashes) for hashes in self.sets]

    def count(self, images: NDArray[np.uint8]) -> int:
        """Return how many of the images the model was trained on; 0 if chance explains the number of matches.

        `images` are (N, C, H, W) uint8 in the model's shape. 1 in 16,384 other images matches, for each set.
        """
        matches = int(np.count_nonzero(self.contains(images)))
        return 0 if _is_chance(matches, len(images) * len(self.sets) * 2.0**-LOW_BITS) else matches

    def contains(self, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return (N,) bool: whether the model was trained on each of the (N, C, H, W) uint8 images.

        It is wrong on 1 in 16,384 other images, for each set.
        """
        chunks = _digests(images, np.arange(len(images)))
        return np.concatenate([np.zeros(0, bool), *(_contained(digests, self.sets) for digests in chunks)])

    def pack(self) -> bytes:
        """Return the memory as bytes, at most 2 for each image and 1 for each set; `unpack` also needs `counts`."""
        return b"".join(map(_pack, self.sets))

    @classmethod
    def unpack(cls, data: NDArray[np.uint8], counts: Sequence[int]) -> Self:
        """Return the memory that `pack` returned as bytes, (B,).

        Raises:
            ValueError: the bytes are damaged, or hold another number of images.
        """
        sets = []
        for count in counts:
            hashes, size = _unpack(data, count)
            sets.append(hashes)
            data = data[size:]
        if len(data) or not counts:
            raise ValueError("the memory of the training images has surplus bytes")
        return cls(tuple(sets))


def recall(tensor: NDArray[Any] | None, counts: Sequence[int]) -> TrainedImages | None:
    """Return the memory that a file holds; None if it has no such tensor and no `counts`, as those of version 0.1.

    Raises:
        ValueError: the memory is missing or damaged.
    """
    if tensor is None and not counts:
        return None
    if tensor is None or tensor.dtype != np.uint8 or tensor.ndim != 1:
        raise ValueError("the memory of the training images is missing or not an array of bytes")
    return TrainedImages.unpack(tensor, counts)


def _digests(images: NDArray[np.uint8], indices: NDArray[np.int64]) -> Iterator[Hashes]:
    """Yield the 64-bit hashes of the pixels of the images at `indices`, chunk by chunk."""
    chunk = max(1, min(MAX_CHUNK, CHUNK_BYTES // max(1, images[:1].nbytes)))
    starts = range(0, len(indices), chunk)
    for digest in map_ordered(lambda start: _digest(images[indices[start : start + chunk]]), starts):
        yield np.frombuffer(digest, "<u8").astype(np.uint64)


def _digest(images: NDArray[np.uint8]) -> bytes:
    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    return b"".join([blake2b(row.data, digest_size=8).digest() for row in rows])


def _reduced(digests: Hashes, count: int) -> Hashes:
    """Return the hashes in 0..count * 2**14 - 1."""
    return digests % np.uint64(count << LOW_BITS)


def _contained(digests: Hashes, sets: Sequence[Hashes]) -> NDArray[np.bool_]:
    """Return (M,) bool: whether one of the sets contains each of the digests."""
    found = np.zeros(len(digests), bool)
    for hashes in sets:
        reduced = _reduced(digests, len(hashes))
        places = np.minimum(np.searchsorted(hashes, reduced), len(hashes) - 1)
        found |= hashes[places] == reduced
    return found


def _is_chance(matches: int, expected: float) -> bool:
    """Return whether chance explains the number of matches, given the expected number.

    `expected` ** k / k! is an upper bound of the probability of k matches or more, close if it is small.
    """
    if matches <= expected:
        return True
    return matches * log(expected) - lgamma(matches + 1) > log(MAX_CHANCE)


def _pack(hashes: Hashes) -> bytes:
    differences = np.diff(hashes, prepend=np.uint64(0))
    low = (differences & np.uint64((1 << LOW_BITS) - 1)).astype(">u2")
    low_bits = np.unpackbits(low.view(np.uint8).reshape(-1, 2), axis=1)[:, -LOW_BITS:]
    ends = np.cumsum((differences >> np.uint64(LOW_BITS)) + np.uint64(1)).astype(np.int64) - 1
    unary = np.zeros(ends[-1] + 1, np.uint8)  # each number is that many zeros and a one
    unary[ends] = 1
    return np.packbits(low_bits).tobytes() + np.packbits(unary).tobytes()


def _unpack(data: NDArray[np.uint8], count: int) -> tuple[Hashes, int]:
    """Return the hashes at the start of the bytes, (count,), and the number of their bytes."""
    low_size = ceil(count * LOW_BITS / 8)
    if count < 1 or low_size >= len(data):
        raise ValueError(f"the memory of the training images does not hold {count:,} images")
    low = np.zeros((count, 16), np.uint8)
    low[:, -LOW_BITS:] = np.unpackbits(data[:low_size], count=count * LOW_BITS).reshape(count, LOW_BITS)
    # Together, the unary numbers have less than `count` zeros.
    ends = np.flatnonzero(np.unpackbits(data[low_size : low_size + ceil(2 * count / 8)]))[:count]
    if len(ends) < count:
        raise ValueError(f"the memory of the training images does not hold {count:,} images")
    high = np.diff(ends, prepend=-1).astype(np.uint64) - np.uint64(1)
    hashes = np.cumsum((high << np.uint64(LOW_BITS)) + np.packbits(low, axis=1).view(">u2")[:, 0].astype(np.uint64))
    if hashes[-1] >= np.uint64(count << LOW_BITS):
        raise ValueError("the memory of the training images holds an impossible hash")
    return hashes, low_size + int(ends[-1]) // 8 + 1
