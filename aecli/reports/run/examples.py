"""The images that stand for all: those with the smallest, the middle and the largest value."""

import numpy as np
from numpy.typing import NDArray

from aecli.data import UNLABELED, ImageSet

KINDS = ("best", "middle", "worst")


def chosen_indices(values: NDArray[np.float64], count: int) -> dict[str, NDArray[np.int64]]:
    """Return up to `count` indices of each kind, `best` with the smallest values first, `worst` with the largest first.

    The middle ones surround the median. No index is of two kinds: the fewer values, the fewer indices of each kind.
    """
    order = np.argsort(values, kind="stable")
    count = min(count, max(1, len(order) // 3))
    best, worst = order[:count], order[::-1][: min(count, len(order) - count)]
    rest = order[len(best) : len(order) - len(worst)]
    start = max(0, (len(rest) - count) // 2)
    kinds = {"best": best, "middle": rest[start : start + count], "worst": worst}
    return {kind: indices for kind, indices in kinds.items() if len(indices)}


def label_of(images: ImageSet, index: int) -> str | None:
    """Return the class of an image, or None if it is unknown."""
    if images.labels is None or images.labels[index] == UNLABELED:
        return None
    return images.class_names[int(images.labels[index])]
