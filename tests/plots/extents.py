"""Where the texts of a figure are, in pixels."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray


def legend_texts(axes: Axes) -> list[Any]:
    """Return the texts of the legend."""
    legend = axes.get_legend()
    assert legend is not None
    return legend.get_texts()


def boxes(texts: Iterable[Any]) -> NDArray[Any]:
    """Return (left, bottom, right, top) of each text that is not empty, (N, 4)."""
    return np.array([text.get_window_extent().extents for text in texts if text.get_text()])


def overlaps(extents: NDArray[Any]) -> int:
    """Return how many pairs of boxes overlap by more than a pixel."""
    first, second = np.triu_indices(len(extents), 1)
    low = np.maximum(extents[first, :2], extents[second, :2])
    high = np.minimum(extents[first, 2:], extents[second, 2:])
    return int((high - low > 1).all(axis=1).sum())


def assert_inside(texts: Iterable[Any], figure: Figure) -> None:
    """Check that no text reaches beyond the figure by more than a pixel."""
    for text in texts:
        if text.get_text() and text.get_visible():
            left, bottom, right, top = text.get_window_extent().extents
            assert left >= -1, text
            assert bottom >= -1, text
            assert right <= figure.bbox.width + 1, text
            assert top <= figure.bbox.height + 1, text
