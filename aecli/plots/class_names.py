"""The names of classes, written into a plot of points where each class is densest."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from aecli.plots.figure import shortened
from aecli.plots.label_placement import pushed_apart

HALO = [withStroke(linewidth=2.5, foreground="white", alpha=0.85)]
MAX_POINTS_FOR_DENSITY = 500
MAX_NAMES_ON_POINTS = 30
"""More names are written beside the densest points instead of on them."""
MAX_POINTS_KEPT_FREE = 300
"""Up to this many points, names cover none of them."""
SHORT = 3
"""Characters of names that are written even if they are many; longer ones are replaced by numbers."""


def are_numbered(names: Collection[str]) -> bool:
    """Return whether numbers stand for the names in the plot, because so many names would bury the points."""
    return len(names) > MAX_NAMES_ON_POINTS and max(map(len, names)) > SHORT


def draw_class_names(
    drawn: Figure,
    axes: Axes,
    coordinates: NDArray[np.float32],
    members: Mapping[str, NDArray[np.int64]],
    written: Mapping[str, str],
) -> None:
    """Write the name of each class into the plot so that names do not cover each other.

    A name that had to move away from its class is connected to it by a line.

    Args:
        drawn: The complete figure but for the names.
        axes: Where the points are drawn.
        coordinates: (N, 2) points in data coordinates.
        members: Indices of the points of each class, by name.
        written: What to write for each name: the name, or its number.
    """
    is_crowded = len(members) > MAX_NAMES_ON_POINTS
    fontsize = 7 if is_crowded else 9 if len(members) > 10 else 11
    anchors = np.array([_densest(coordinates[indices]) for indices in members.values()])
    texts = [
        axes.text(
            anchor[0],
            anchor[1],
            shortened(written[name], 16),
            fontsize=fontsize,
            fontweight="normal" if is_crowded else "bold",
            ha="center",
            va="center",
            path_effects=HALO,
            zorder=5,
            parse_math=False,
            in_layout=False,
        )
        for name, anchor in zip(members, anchors, strict=True)
    ]
    drawn.draw_without_rendering()  # computes the layout, without which pixel positions are unknown
    boxes = [text.get_window_extent() for text in texts]
    pixel = drawn.dpi / 130  # of the resolution at which the distances below were chosen
    sizes = np.array([(box.width + 4 * pixel, box.height) for box in boxes])
    pixels = axes.transData.transform(anchors)
    start = pixels + (sizes * (0, 0.8) if is_crowded else 0)
    is_sparse = len(coordinates) <= MAX_POINTS_KEPT_FREE
    free = axes.transData.transform(coordinates) if is_sparse else pixels
    kept_free = np.full_like(free, 10 * pixel if is_crowded or is_sparse else 0)
    placed = pushed_apart(
        np.concatenate([start, free]),
        np.concatenate([sizes, kept_free]),
        axes.get_window_extent().extents,
        fixed=np.repeat([False, True], [len(texts), len(free)]),
    )[: len(texts)]
    is_far = np.linalg.norm(placed - pixels, axis=1) > 1.7 * sizes[:, 1]
    placed = axes.transData.inverted().transform(placed)
    for text, position, anchor, far in zip(texts, placed, anchors, is_far, strict=True):
        text.set_position(tuple(position))
        if far:
            axes.plot(*zip(position, anchor, strict=True), color="black", linewidth=0.7, zorder=4, in_layout=False)


def _densest(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the point around which the points are densest; their median may lie within another class."""
    points = np.random.default_rng(0).permutation(points)[:MAX_POINTS_FOR_DENSITY]
    width = max(float(np.ptp(points, axis=0).max()) / 8, 1e-9)
    squares = ((points[:, None] - points) ** 2).sum(axis=2) / width**2
    densest: NDArray[np.float32] = points[(1 / (1 + squares)).sum(axis=1).argmax()]
    return densest
