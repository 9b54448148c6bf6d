"""Confusion matrix of a classifier."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.plots.figure import figure, shortened

MAX_CLASSES_WITH_COUNTS = 26
"""With more classes, cells do not show their counts."""


def draw(counts: NDArray[np.int64], class_names: Sequence[str], path: Path) -> None:
    """Draw (K, K) counts of images by true class (rows) and predicted class; the color is the fraction of the row."""
    classes = len(class_names)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(2.5 + 0.4 * classes, 14.0)
    with figure(path, (side + 0.8, side), dpi=120) as drawn:
        axes = drawn.subplots()
        image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
        drawn.colorbar(image, label="fraction of the true class", shrink=0.8)
        axes.set(xlabel="predicted class", ylabel="true class", title="Validation images")
        axes.grid(visible=False)
        if classes <= MAX_CLASSES_WITH_COUNTS:
            names = [shortened(name, 20) for name in class_names]
            rotation = 90 if max(map(len, names)) > 2 else 0
            axes.set_xticks(range(classes), names, rotation=rotation, parse_math=False)
            axes.set_yticks(range(classes), names, parse_math=False)
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    color = "white" if fractions[row, column] > 0.5 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
