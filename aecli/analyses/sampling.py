"""A sample of codes or images in which each class has its share."""

import numpy as np
from numpy.typing import NDArray


def draw_sample(labels: NDArray[np.int64] | None, count: int, sample: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Return the ascending indices of a stratified random sample of `count` items; all indices if `sample` is None.

    Each class gets its share of the sample, and at least one item if the sample is large enough. Items without a label
    count as a class.

    Args:
        labels: (N,) labels, or None if there are none.
        count: N, the number of items.
        sample: How many items to draw, at most.
        seed: Random seed.
    """
    if sample is None or sample >= count:
        return np.arange(count)
    random = np.random.default_rng(seed)
    classes = np.zeros(count, np.int64) if labels is None else labels
    _, members, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    least = 1 if len(sizes) <= sample else 0
    exact = (sample - least * len(sizes)) * sizes / count + least
    shares = np.minimum(np.floor(exact), sizes).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    while missing := sample - int(shares.sum()):
        shares[order[shares[order] < sizes[order]][:missing]] += 1
    drawn = [random.permutation(np.flatnonzero(members == index))[:share] for index, share in enumerate(shares)]
    return np.sort(np.concatenate(drawn))
