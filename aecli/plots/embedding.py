"""Codes in the plane: points colored by class, or the images themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding
from aecli.plots.class_names import are_numbered, draw_class_names
from aecli.plots.figure import CLASS_COLORS, MAX_VECTOR_POINTS, figure, image_pixels, shortened
from aecli.plots.label_placement import without_overlap
from aecli.storage.paths import short_names

PANEL_INCHES, LARGE_PANEL_INCHES = 6.4, 8.0
"""Width of a panel, and of one with so many classes that their names are numbered."""
MARKERS = "o^sDvPX<>*hpd8"
UNLABELED_COLOR = "#8c8c8c"
MAX_CLASSES = len(CLASS_COLORS) * len(MARKERS)
"""With more classes, colors and markers repeat, and classes are not named."""
THUMBNAILS_ACROSS = (7, 9, 11, 14, 18, 22, 26)
"""Images that fit side by side in a panel: as few, and as large, as leaves room for many of them."""
GAP = 1.12
"""Distance of the centers of two images, in sides of an image."""
MOST_SHOWN = 0.4
"""The fraction of images that need room for a size to be chosen; of many, fewer have room even at the smallest."""
EDGE = {"edgecolors": "white", "linewidths": 0.3}
LEGEND: dict[str, Any] = {"handletextpad": 0.1, "columnspacing": 1.0, "borderpad": 0.2}
ROUNDS = 4
"""Each class draws a fraction of its points in each round, so that no class covers all others."""


@dataclass(frozen=True)
class Panel:
    """The content of one panel: the points of one code file."""

    title: str
    note: str
    """Second line of the title: the metrics of the embedding."""
    coordinates: NDArray[np.float32]
    """(N, 2)"""
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `class_names`, UNLABELED (-1) where unknown."""
    class_names: Sequence[str] = ()
    images: NDArray[np.uint8] | None = None
    """(M, C, H, W); if given, points show their image where there is room."""
    image_indices: NDArray[np.int64] | None = None
    """(N,) index into `images` for each point."""
    onto: "Panel | None" = None
    """The map onto which the points were placed; its own points are drawn pale, below them."""

    def members(self) -> dict[str | None, NDArray[np.int64]]:
        """Return the indices of the points of each class that has any, by class name; None for unlabeled points."""
        if self.labels is None:
            return {None: np.arange(len(self.coordinates))}
        return {
            None if label < 0 else self.class_names[label]: np.flatnonzero(self.labels == label)
            for label in np.unique(self.labels).tolist()
        }

    def layers(self) -> "list[Panel]":
        """Return the panel itself, and before it the one onto which its points were placed."""
        return [self] if self.onto is None else [self.onto, self]

    def extent(self) -> NDArray[np.float32]:
        """Return the lowest and the highest coordinates of all points, (2, 2)."""
        coordinates = np.concatenate([layer.coordinates for layer in self.layers()])
        return np.stack([coordinates.min(axis=0), coordinates.max(axis=0)])


def panel_titles(embeddings: Sequence[Embedding], paths: Sequence[Path]) -> list[str]:
    """Return the DATA word of each code file, followed by the file's name if another file has the same DATA word."""
    words = [embedding.codes.meta.data for embedding in embeddings]
    names = short_names(paths)
    return [word if words.count(word) == 1 else f"{word}, {name}" for word, name in zip(words, names, strict=True)]


def panel(
    title: str,
    embedding: Embedding,
    images: NDArray[np.uint8] | None = None,
    image_indices: NDArray[np.int64] | None = None,
) -> Panel:
    """Return the panel of an embedding; `image_indices` are given for all codes of the file, sampled or not."""
    onto = None
    if embedding.onto is not None:
        points = embedding.onto
        onto = Panel("", "", points.coordinates, points.labels, points.class_names)
    return Panel(
        title=f"{shortened(title, 30)}: {embedding.heading}",
        note=embedding.measures if onto is None else f"{embedding.measures}; pale: the map",
        coordinates=embedding.coordinates,
        labels=embedding.labels,
        class_names=embedding.codes.meta.class_names,
        images=images,
        image_indices=None if image_indices is None else image_indices[embedding.indices],
        onto=onto,
    )


Styles = dict[str | None, dict[str, Any]]
"""Color and marker by class name; None for unlabeled points."""


def draw(panels: Sequence[Panel], path: Path, dpi: int | None = None) -> None:
    """Draw the panels side by side, with one legend below them."""
    styles = _styles(panels)
    present = {name for panel in panels for layer in panel.layers() for name in layer.members()}
    shown = [name for name in styles if name in present]
    columns = len(panels) if len(panels) <= 3 else int(np.ceil(np.sqrt(len(panels))))
    rows = -(-len(panels) // columns)
    height = float(np.clip(max(_relative_height(panel.extent()) for panel in panels), 0.6, 1))
    named = [name for name in shown if name is not None]
    has_dots = any(panel.images is None for panel in panels)
    is_numbered = has_dots and len(named) <= MAX_CLASSES and are_numbered(named)
    written = {name: str(number) if is_numbered else name for number, name in enumerate(named, 1)}
    labels = [_label(name, written) for name in shown]
    width = LARGE_PANEL_INCHES if is_numbered else PANEL_INCHES
    lines = _legend_lines(labels, width * columns)
    legend_inches = 0.021 * _legend_fontsize(labels) * lines + 0.2
    size = width * columns, (width * height + 0.45) * rows + legend_inches
    with figure(path, size, dpi) as drawn:
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_panel(axes, panel, styles, height)
        _draw_legend(drawn, [(label, styles[name]) for label, name in zip(labels, shown, strict=True)], lines)
        for axes, panel in zip(grid, panels, strict=False):
            members = {name: indices for name, indices in panel.members().items() if name is not None}
            if panel.images is None and 2 <= len(members) <= MAX_CLASSES:
                draw_class_names(drawn, axes, panel.coordinates, members, written)


def _styles(panels: Sequence[Panel]) -> Styles:
    """Return the color and marker of each class, the same in all panels; unlabeled points come last."""
    layers = [layer for panel in panels for layer in panel.layers()]
    names = list(dict.fromkeys(name for layer in layers for name in layer.class_names))
    styles: Styles = {
        name: {
            "color": CLASS_COLORS[index % len(CLASS_COLORS)],
            "marker": MARKERS[index // len(CLASS_COLORS) % len(MARKERS)],
        }
        for index, name in enumerate(names)
    }
    return styles | {None: {"color": UNLABELED_COLOR, "marker": "o"}}


def _relative_height(extent: NDArray[np.float32]) -> float:
    """Return the height of points divided by their width, for their (2, 2) lowest and highest coordinates."""
    width, height = extent[1] - extent[0]
    return float(height / width) if width > 0 else 1.0


def _draw_panel(axes: Axes, panel: Panel, styles: Styles, height: float) -> None:
    """Draw a panel whose height is `height` times its width."""
    if panel.onto is not None:
        _draw_points(axes, panel.onto, styles, opacity=0.2, zorder=1)
    _draw_points(axes, panel, styles, opacity=0.9 if panel.images is None else 0.5, zorder=2)
    low, high = panel.extent()
    extent = float((high - low).max()) or 1.0
    margin = 0.03 * extent
    if panel.images is not None and panel.image_indices is not None:
        side, indices = _thumbnails(panel, extent)
        margin = max(margin, 0.55 * side)
        _draw_thumbnails(axes, panel, styles, side, indices)
    middle, half = (low + high) / 2, (high - low) / 2 + margin
    reach = max(half[0], half[1] / height)
    reaches = np.array((reach, reach * height))
    (left, bottom), (right, top) = middle - reaches, middle + reaches
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(bottom, top))
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color("#bbbbbb")
    title = f"{shortened(panel.title, 75)}\n{panel.note}"
    axes.set_title(title, fontsize=9.5, linespacing=1.4, parse_math=False)


def _draw_points(axes: Axes, panel: Panel, styles: Styles, opacity: float, zorder: int) -> None:
    has_images = panel.images is not None
    size = float(np.clip(16_000 / len(panel.coordinates), 1.5, 36)) * (0.5 if has_images else 1)
    edge: dict[str, Any] = {"linewidths": 0} if size < 6 else EDGE
    random = np.random.default_rng(0)
    rounds = {name: np.array_split(random.permutation(indices), ROUNDS) for name, indices in panel.members().items()}
    for turn in range(ROUNDS):
        for name in sorted(rounds, key=lambda name: name is not None):  # unlabeled points below all others
            x, y = panel.coordinates[rounds[name][turn]].T
            dots = axes.scatter(x, y, s=size, alpha=opacity, zorder=zorder, **styles[name], **edge)
            dots.set_rasterized(len(panel.coordinates) > MAX_VECTOR_POINTS)


def _thumbnails(panel: Panel, extent: float) -> tuple[float, NDArray[np.int64]]:
    """Return the longer side of the images to draw, and the indices of the points that have room for one."""
    assert panel.images is not None
    height, width = panel.images.shape[2:]
    order = np.random.default_rng(0).permutation(len(panel.coordinates))
    for across in THUMBNAILS_ACROSS:
        side = extent / across
        box = GAP * side * width / max(width, height), GAP * side * height / max(width, height)
        indices = without_overlap(panel.coordinates, box, order)
        if len(indices) >= MOST_SHOWN * len(order):
            break
    return side, indices


def _draw_thumbnails(axes: Axes, panel: Panel, styles: Styles, side: float, indices: NDArray[np.int64]) -> None:
    """Draw the images of some points; `side` is the longer side of each image."""
    assert panel.images is not None
    assert panel.image_indices is not None
    height, width = panel.images.shape[2:]
    size = side * width / max(width, height), side * height / max(width, height)
    names = {index: name for name, members in panel.members().items() for index in members.tolist()}
    for index in indices.tolist():
        x, y = panel.coordinates[index] - np.array(size) / 2
        axes.imshow(
            image_pixels(panel.images[panel.image_indices[index]]),
            extent=(x, x + size[0], y, y + size[1]),
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="antialiased",
            zorder=3,
        )
        color = styles[names[index]]["color"]
        axes.add_patch(Rectangle((x, y), *size, fill=False, edgecolor=color, linewidth=1.2, zorder=4))


def _label(name: str | None, written: dict[str, str]) -> str:
    """Return a name for the legend, after the number that stands for it in the plot, if there is one."""
    text = shortened(name or "unlabeled", 24)
    return text if name is None or written[name] == name else f"{written[name]}  {text}"


def _legend_lines(labels: Sequence[str], width: float) -> int:
    """Return the number of lines that the legend takes at a width in inches."""
    if len(labels) > MAX_CLASSES:
        return 1
    entry_inches = (0.045 + 0.0085 * max(map(len, labels))) * _legend_fontsize(labels)
    return -(-len(labels) // max(1, int(width / entry_inches)))


def _legend_fontsize(labels: Sequence[str]) -> float:
    return 9 if len(labels) <= 30 else 7.5


def _draw_legend(drawn: Figure, entries: Sequence[tuple[str, dict[str, Any]]], lines: int) -> None:
    """Draw a legend of labels and their styles in so many lines."""
    if len(entries) > MAX_CLASSES:
        drawn.supxlabel(f"{len(entries):,} classes: too many to name; colors and markers repeat", fontsize=9)
        return
    labels = [label for label, _ in entries]
    legend = drawn.legend(
        handles=[Line2D([], [], linestyle="", label=label, **style) for label, style in entries],
        loc="outside lower center",
        ncols=-(-len(entries) // lines),
        fontsize=_legend_fontsize(labels),
        **LEGEND,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
