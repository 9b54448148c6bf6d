"""Colors of a drawn plot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def color_count(pixels: NDArray[Any]) -> int:
    """Return the number of different colors in an image, (H, W, 3) uint8."""
    return len(np.unique(pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)))
