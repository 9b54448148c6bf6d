"""A few items in place of many."""

import numpy as np
from numpy.typing import NDArray


def evenly_spread(total: int, count: int) -> NDArray[np.int64]:
    """Return the indices of up to `count` of `total` items, from the first to the last and evenly spread.

    So items that are sorted by class, or by time, are represented.
    """
    return np.linspace(0, total - 1, min(total, count)).round().astype(np.int64)
