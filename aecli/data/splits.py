"""Divide images into train, validation and test: by their names, or at random by a seed.

A path may grow: its images are divided by their names, so that the others stay where they are when some come or go.
A named data set never changes: it is divided at random, with each class in proportion.
"""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.labels import UNLABELED

Indices = NDArray[np.int64]

SPLIT_SEED = 0
TEST_FRACTION = 0.2


def hold_out(labels_or_n: NDArray[np.int64] | int, fraction: float = 0.1, seed: int = 0) -> tuple[Indices, Indices]:
    """Split N images at random into the rest and the held-out images; return their indices.

    `labels_or_n` is N, or (N,) labels, UNLABELED (-1) for an image without one, for a stratified split. The two
    index arrays are sorted, not empty, and together are 0..N-1.

    Raises:
        InputError: there are fewer than 2 images.
    """
    labels = np.zeros(labels_or_n, np.int64) if isinstance(labels_or_n, int) else np.asarray(labels_or_n)
    _require_two(len(labels))
    count = min(max(round(len(labels) * fraction), 1), len(labels) - 1)
    held = np.zeros(len(labels), bool)
    # RandomState's stream is frozen (NEP 19): a test split stays the same with every version of numpy.
    generator = np.random.RandomState(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    for label, share in zip(classes, _shares(sizes, count), strict=True):
        held[generator.permutation(np.flatnonzero(labels == label))[:share]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def hold_out_by_name(names: Iterable[str], fraction: float, seed: int, purpose: str) -> tuple[Indices, Indices]:
    """Split N images by a hash of their names into the rest and the held-out images; return their indices.

    Each image is held out with probability `fraction`, whatever the other images are, except that the image with the
    lowest hash is always held out and the one with the highest never is. Images of equal names, such as the pages of
    a file, stay together if there are others. Splits of different `purpose`, a text of at
    most 16 bytes, are independent. The two index arrays are sorted, not empty, and together are 0..N-1.

    Raises:
        InputError: there are fewer than 2 images.
    """
    hashes = _hash_names(names, seed, purpose)
    _require_two(len(hashes))
    held = hashes < fraction
    held[hashes == hashes.min()] = True
    held[hashes == hashes.max()] = False
    if not held.any():  # all names are equal
        held[0] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def draw_per_class(labels: NDArray[np.int64], count: int, seed: int) -> Indices:
    """Draw `count` images of each class at random, or all of a class that has fewer; return their sorted indices.

    `labels` are (N,); images without a label (-1) are not drawn. A larger `count` draws the same images and more.
    """
    generator = np.random.RandomState([seed, 1])  # independent of what `hold_out` draws from the same seed
    classes = [label for label in np.unique(labels) if label != UNLABELED]
    return np.sort(
        np.concatenate([generator.permutation(np.flatnonzero(labels == label))[:count] for label in classes])
    )


def _shares(sizes: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Divide `count` among classes in proportion to their sizes by the largest remainder method.

    Equal remainders favor the larger class, so that a class of one image is rarely held out.
    """
    exact = sizes * count / sizes.sum()
    shares: Indices = np.floor(exact).astype(np.int64)
    order = np.lexsort((-sizes, -np.round(exact - shares, 9)))
    shares[order[: count - shares.sum()]] += 1
    return shares


def in_seeded_test(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (N,) bool: whether each image belongs to `test`, for a named data set without splits of its own.

    `labels` are (N,).
    """
    return _mask(*hold_out(labels, TEST_FRACTION, SPLIT_SEED))


def in_test_by_name(names: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return (N,) bool: whether each image belongs to `test`, for a path without splits of its own."""
    return _mask(*hold_out_by_name(names.tolist(), TEST_FRACTION, SPLIT_SEED, "test"))


def _mask(rest: Indices, held: Indices) -> NDArray[np.bool_]:
    mask = np.zeros(len(rest) + len(held), bool)
    mask[held] = True
    return mask


def _hash_names(names: Iterable[str], seed: int, purpose: str) -> NDArray[np.float64]:
    """Return a uniform number in 0..1 for each name, (N,); equal on all machines and in all versions.

    Names are hashed in Unicode's composed form, because some file systems and archives store the decomposed one.
    """
    salt, person = seed.to_bytes(8, "little"), purpose.encode()
    digests = [
        blake2b(
            unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass"), digest_size=8, salt=salt, person=person
        ).digest()
        for name in names
    ]
    return np.frombuffer(b"".join(digests), "<u8") * 2.0**-64


def _require_two(count: int) -> None:
    if count < 2:
        raise InputError(f"too few images to hold some out: {count}", hint="give at least 2 images")
