"""Which images train, which test and which validate, by a fixed seed."""

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.labels import UNLABELED

Indices = NDArray[np.int64]

SPLIT_SEED = 0
TEST_FRACTION = 0.2


def hold_out(labels_or_n: NDArray[np.int64] | int, fraction: float = 0.1, seed: int = 0) -> tuple[Indices, Indices]:
    """Split N images into those that stay and those that are held out, by the seed.

    `labels_or_n` is (N,) labels, -1 for none, in whose proportions the images are held out, or N itself. Returns
    two sorted index arrays that together are 0..N-1, at least one image in each.

    Raises:
        InputError: there are fewer than 2 images.
    """
    labels = np.zeros(labels_or_n, np.int64) if isinstance(labels_or_n, int) else np.asarray(labels_or_n)
    if len(labels) < 2:
        raise InputError(f"too few images to hold some out: {len(labels)}", hint="give at least 2 images")
    count = min(max(round(len(labels) * fraction), 1), len(labels) - 1)
    held = np.zeros(len(labels), bool)
    # RandomState's stream is frozen for ever (NEP 19): a test split stays the same under any numpy.
    random = np.random.RandomState(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    for label, share in zip(classes, _shares(sizes, count), strict=True):
        held[random.permutation(np.flatnonzero(labels == label))[:share]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def draw_per_class(labels: NDArray[np.int64], count: int, seed: int) -> Indices:
    """Return the sorted indices of `count` images of each class, or all where it has fewer, drawn by the seed.

    `labels` are (N,), -1 for none, which is not drawn. A larger `count` draws the same images and more.
    """
    random = np.random.RandomState([seed, 1])  # other numbers than `hold_out` draws from the same seed
    classes = [label for label in np.unique(labels) if label != UNLABELED]
    return np.sort(np.concatenate([random.permutation(np.flatnonzero(labels == label))[:count] for label in classes]))


def _shares(sizes: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Share out `count` among classes of these sizes in proportion, by the largest remainder.

    Of two classes with the same remainder the larger gives first, so that a class of one image rather stays.
    """
    exact = sizes * count / sizes.sum()
    shares: Indices = np.floor(exact).astype(np.int64)
    order = np.lexsort((-sizes, -np.round(exact - shares, 9)))
    shares[order[: count - shares.sum()]] += 1
    return shares


def in_seeded_test(labels_or_n: NDArray[np.int64] | int) -> NDArray[np.bool_]:
    """Tell for each of N images, (N,) bool, whether it belongs to `test` where a source has no splits of its own."""
    rest, held = hold_out(labels_or_n, TEST_FRACTION, SPLIT_SEED)
    in_test = np.zeros(len(rest) + len(held), bool)
    in_test[held] = True
    return in_test
