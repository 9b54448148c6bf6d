"""Confusion matrix of a classifier."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aecli.plots.figure import figure, shortened

CORRECT, ERRORS = mpl.colormaps["Blues"], mpl.colormaps["Oranges"]
NORM = PowerNorm(0.5, vmin=0, vmax=1)
"""The color follows the root of the fraction, so that 1% of errors is visible."""
TICKS = (0, 0.01, 0.05, 0.2, 0.5, 1)
CELL, SMALLEST, LARGEST = 0.45, 2.4, 12.0
"""Inches of a cell, and the least and the most of the whole matrix."""
SCALE_WIDTH = 0.16
"""Inches of a color bar."""
MAX_CLASSES_WITH_COUNTS = 30
"""With more classes, cells do not show their counts."""
MAX_CLASSES_WITH_NAMES = 120
NAME_LENGTH = 20


def draw(counts: NDArray[np.int64], class_names: Sequence[str], path: Path) -> None:
    """Draw (K, K) counts of images by true class (rows) and predicted class, and the accuracy.

    The color is the fraction of the row: blue for correct predictions, orange for errors, white for none.
    """
    classes = len(class_names)
    names = [shortened(name, NAME_LENGTH) for name in class_names] if classes <= MAX_CLASSES_WITH_NAMES else []
    side = float(np.clip(CELL * classes, SMALLEST, LARGEST))
    cell_points = 72 * side / classes
    fontsize = min(10.0, 0.8 * cell_points)
    margin = 0.9 + 0.009 * fontsize * max(map(len, names), default=0)
    with figure(path, (side + margin + 1.95, side + margin + 0.4)) as drawn:
        axes = drawn.subplots()
        _draw_cells(axes, counts, min(9.0, 0.28 * cell_points))
        _draw_scales(drawn, axes, side)
        axes.set(xlabel="predicted class", ylabel="true class")
        right, total = int(np.trace(counts)), int(counts.sum())
        accuracy = f"accuracy {right / total:.4f}, {right:,} of {total:,} correct" if total else "none"
        drawn.suptitle(f"Validation images: {accuracy}", fontsize="medium")
        is_upright = all(len(name) * 0.62 * fontsize < cell_points for name in names)
        axes.set_xticks(range(len(names)), names, rotation=0 if is_upright else 90, fontsize=fontsize, parse_math=False)
        axes.set_yticks(range(len(names)), names, fontsize=fontsize, parse_math=False)
        axes.tick_params(length=0 if names else 3)


def _draw_cells(axes: Axes, counts: NDArray[np.int64], fontsize: float) -> None:
    levels = NORM(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    is_correct = np.eye(len(counts), dtype=bool)
    colors = np.where(is_correct[..., None], CORRECT(levels), ERRORS(levels))
    colors[counts == 0] = 1
    axes.imshow(colors, interpolation="nearest")
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color="0.7")
    if len(counts) <= MAX_CLASSES_WITH_COUNTS:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if levels[row, column] > 0.65 else "black"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=fontsize)


def _draw_scales(drawn: Figure, axes: Axes, side: float) -> None:
    """Draw the color bars of errors and of correct predictions beside each other, with the ticks of both."""
    for index, colors in enumerate((ERRORS, CORRECT)):
        inches = SCALE_WIDTH * (index + 1)
        bar = drawn.colorbar(
            ScalarMappable(NORM, colors), cax=axes.inset_axes((1 + inches / side, 0.05, SCALE_WIDTH / side, 0.9))
        )
        bar.outline.set_visible(False)
        bar.ax.grid(visible=False)
        bar.set_ticks(TICKS if colors is CORRECT else (), labels=[f"{tick:.0%}" for tick in TICKS if colors is CORRECT])
    bar.set_label("fraction of the true class:\nblue if correct, orange if not", fontsize=9)
