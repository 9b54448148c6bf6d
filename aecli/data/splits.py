"""Divide images into train, validation and test by a seed."""

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
    if len(labels) < 2:
        raise InputError(f"too few images to hold some out: {len(labels)}", hint="give at least 2 images")
    count = min(max(round(len(labels) * fraction), 1), len(labels) - 1)
    held = np.zeros(len(labels), bool)
    # RandomState's stream is frozen (NEP 19): a test split stays the same with every version of numpy.
    generator = np.random.RandomState(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    for label, share in zip(classes, _shares(sizes, count), strict=True):
        held[generator.permutation(np.flatnonzero(labels == label))[:share]] = True
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


def in_seeded_test(labels_or_n: NDArray[np.int64] | int) -> NDArray[np.bool_]:
    """Return (N,) bool: whether each of N images belongs to `test`, for a source without splits of its own."""
    rest, held = hold_out(labels_or_n, TEST_FRACTION, SPLIT_SEED)
    in_test = np.zeros(len(rest) + len(held), bool)
    in_test[held] = True
    return in_test
