"""Codes in a plane: points colored by class, or the images themselves."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from aecli.analyses.embedding import Layout
from aecli.plots.figure import CLASS_COLORS, figure, shortened
from aecli.plots.label_placement import pushed_apart, without_overlap
from aecli.storage.paths import short_names

PANEL = 6.4
"""Inches."""
MARKERS = "o^sDvPX<>*hpd8"
UNLABELED_COLOR = "#8c8c8c"
MOST_CLASSES = len(CLASS_COLORS) * len(MARKERS)
"""That have a color and marker of their own, and are named."""
THUMBNAILS_ACROSS = 26
EDGE = {"edgecolors": "white", "linewidths": 0.3}
LEGEND: dict[str, Any] = {"handletextpad": 0.1, "columnspacing": 1.0, "borderpad": 0.2}
ROUNDS = 4
"""In each, every class draws a part of its points, so that no class lies on top of all others."""
HALO = [withStroke(linewidth=2.5, foreground="white", alpha=0.85)]


@dataclass(frozen=True)
class Panel:
    """What is drawn of one code file."""

    title: str
    """What the codes are codes of, and the code file where several are of the same."""
    note: str
    """How they were laid out, and how well."""
    coordinates: NDArray[np.float32]
    """(N, 2)"""
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `class_names`, -1 where unknown."""
    class_names: Sequence[str] = ()
    images: NDArray[np.uint8] | None = None
    """(M, C, H, W) uint8, of which points show their own where there is room."""
    image_rows: NDArray[np.int64] | None = None
    """(N,) the image of each point."""

    def members(self) -> dict[str | None, NDArray[np.int64]]:
        """The points of each class that has any, by its name; of None those without a label."""
        if self.labels is None:
            return {None: np.arange(len(self.coordinates))}
        return {
            None if label < 0 else self.class_names[label]: np.flatnonzero(self.labels == label)
            for label in np.unique(self.labels).tolist()
        }


def panel_titles(layouts: Sequence[Layout], paths: Sequence[Path]) -> list[str]:
    """Name what each code file, at its path, holds the codes of; and the file, where several hold codes of the same."""
    words = [layout.codes.meta.data for layout in layouts]
    names = short_names(paths)
    return [word if words.count(word) == 1 else f"{word}, {name}" for word, name in zip(words, names, strict=True)]


def panel(
    title: str,
    layout: Layout,
    images: NDArray[np.uint8] | None = None,
    image_rows: NDArray[np.int64] | None = None,
) -> Panel:
    """Return what is to be drawn of a layout; `image_rows` are the rows in `images` of all codes, drawn or not."""
    drawn, count = len(layout.indices), len(layout.codes)
    accuracy = "" if layout.accuracy is None else f", 1-NN accuracy {layout.accuracy:.3f}"
    return Panel(
        title=title,
        note=f"{drawn:,}{'' if drawn == count else f' of {count:,}'} codes, perplexity {layout.result.perplexity:g}, "
        f"KL divergence {layout.result.kl_divergence:.3f}{accuracy}",
        coordinates=layout.result.coordinates,
        labels=layout.labels,
        class_names=layout.codes.meta.class_names,
        images=images,
        image_rows=None if image_rows is None else image_rows[layout.indices],
    )


Styles = dict[str | None, dict[str, Any]]


def draw(panels: Sequence[Panel], path: Path) -> None:
    """Draw the panels side by side, with one legend below for all of them."""
    styles = _styles(panels)
    present = {name for panel in panels for name in panel.members()}
    shown = [name for name in styles if name in present]
    columns = len(panels) if len(panels) <= 3 else int(np.ceil(np.sqrt(len(panels))))
    rows = -(-len(panels) // columns)
    height = float(np.clip(max(_height(panel.coordinates) for panel in panels), 0.6, 1))
    lines = _legend_lines(shown, PANEL * columns)
    size = PANEL * columns, (PANEL * height + 0.45) * rows + 0.021 * _legend_fontsize(shown) * lines + 0.2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name that the font cannot write
        with figure(path, size, dpi=130) as drawn:
            grid = drawn.subplots(rows, columns, squeeze=False).ravel()
            for axes in grid[len(panels) :]:
                axes.set_axis_off()
            for axes, panel in zip(grid, panels, strict=False):
                _draw_panel(axes, panel, styles, height)
            _draw_legend(drawn, shown, styles, -(-len(shown) // lines))
            for axes, panel in zip(grid, panels, strict=False):
                if panel.images is None:
                    _name_classes(drawn, axes, panel)


def _styles(panels: Sequence[Panel]) -> Styles:
    """Color and marker of each class, the same in all panels; the gray ones without a label last."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.class_names))
    styles: Styles = {
        name: {"color": CLASS_COLORS[index % len(CLASS_COLORS)], "marker": MARKERS[_marker(index)]}
        for index, name in enumerate(names)
    }
    return styles | {None: {"color": UNLABELED_COLOR, "marker": "o"}}


def _marker(index: int) -> int:
    """Each pass over the colors has its marker; in the first, so few are needed that color is enough."""
    return index // len(CLASS_COLORS) % len(MARKERS)


def _height(places: NDArray[np.float32]) -> float:
    """Of what the points take, in units of its width."""
    width, height = places.max(axis=0) - places.min(axis=0)
    return float(height / width) if width > 0 else 1.0


def _draw_panel(axes: Axes, panel: Panel, styles: Styles, height: float) -> None:
    places, members = panel.coordinates, panel.members()
    thumbnails = panel.images is not None
    size = float(np.clip(16_000 / len(places), 1.5, 36)) * (0.5 if thumbnails else 1)
    order = np.random.default_rng(0)
    parts = {name: np.array_split(order.permutation(rows), ROUNDS) for name, rows in members.items()}
    for turn in range(ROUNDS):
        for name in sorted(parts, key=lambda name: name is not None):  # gray below all others
            x, y = places[parts[name][turn]].T
            look: dict[str, Any] = styles[name] | ({"linewidths": 0} if size < 6 else EDGE)
            axes.scatter(x, y, s=size, alpha=0.5 if thumbnails else 0.9, zorder=2, **look)
    low, high = places.min(axis=0), places.max(axis=0)
    extent = float((high - low).max()) or 1.0
    if panel.images is not None and panel.image_rows is not None:
        _draw_thumbnails(axes, panel, styles, extent / THUMBNAILS_ACROSS)
    middle, reach = (low + high) / 2, 0.53 * max(high[0] - low[0], (high[1] - low[1]) / height, 1e-9)
    reaches = np.array((reach, reach * height))
    (left, bottom), (right, top) = middle - reaches, middle + reaches
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(bottom, top))
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color("#bbbbbb")
    title = f"{shortened(panel.title, 70)}\n{panel.note}"
    axes.set_title(title, fontsize=9.5, linespacing=1.4, parse_math=False)


def _draw_thumbnails(axes: Axes, panel: Panel, styles: Styles, side: float) -> None:
    """Draw the images of as many points as have room, `side` being the longer side of each."""
    assert panel.images is not None
    assert panel.image_rows is not None
    height, width = panel.images.shape[2:]
    size = side * width / max(width, height), side * height / max(width, height)
    order = np.random.default_rng(0).permutation(len(panel.coordinates))
    names = {row: name for name, rows in panel.members().items() for row in rows.tolist()}
    gap = 1.12
    for row in without_overlap(panel.coordinates, (size[0] * gap, size[1] * gap), order).tolist():
        x, y = panel.coordinates[row] - np.array(size) / 2
        pixels = panel.images[panel.image_rows[row]]
        axes.imshow(
            pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0),
            extent=(x, x + size[0], y, y + size[1]),
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="antialiased",
            zorder=3,
        )
        color = styles[names[row]]["color"]
        axes.add_patch(Rectangle((x, y), *size, fill=False, edgecolor=color, linewidth=1.2, zorder=4))


def _legend_lines(names: Sequence[str | None], width: float) -> int:
    if len(names) > MOST_CLASSES:
        return 1
    longest = max(len(shortened(name or "unlabeled", 24)) for name in names)
    entry = (0.045 + 0.0085 * longest) * _legend_fontsize(names)  # inches
    return -(-len(names) // max(1, int(width / entry)))


def _legend_fontsize(names: Sequence[str | None]) -> float:
    return 9 if len(names) <= 30 else 7.5


def _draw_legend(drawn: Figure, names: Sequence[str | None], styles: Styles, columns: int) -> None:
    if len(names) > MOST_CLASSES:
        drawn.supxlabel(f"{len(names):,} classes: too many to name; colors and markers repeat", fontsize=9)
        return
    handles = [Line2D([], [], linestyle="", label=shortened(name or "unlabeled", 24), **styles[name]) for name in names]
    legend = drawn.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=_legend_fontsize(names), **LEGEND
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _name_classes(drawn: Figure, axes: Axes, panel: Panel) -> None:
    """Write each class's name where it is densest, or beside it where there are many; names do not cover each other."""
    members = {name: rows for name, rows in panel.members().items() if name is not None}
    if not 2 <= len(members) <= MOST_CLASSES:
        return
    many = len(members) > 30
    fontsize = 7 if many else 9 if len(members) > 10 else 11
    anchors = np.array([_middle(panel.coordinates[rows]) for rows in members.values()])
    texts = [
        axes.text(
            anchor[0],
            anchor[1],
            shortened(name, 16),
            fontsize=fontsize,
            fontweight="bold",
            ha="center",
            va="center",
            path_effects=HALO,
            zorder=5,
            parse_math=False,
            in_layout=False,
        )
        for name, anchor in zip(members, anchors, strict=True)
    ]
    drawn.draw_without_rendering()  # the layout is done, so that pixels are known
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([(box.width + 4, box.height) for box in boxes])
    pixels = axes.transData.transform(anchors)
    start = pixels + (sizes * (0, 0.8) if many else 0)
    spots = np.full_like(sizes, 10 if many else 0)  # what names must leave free
    placed = pushed_apart(
        np.concatenate([start, pixels]),
        np.concatenate([sizes, spots]),
        axes.get_window_extent().extents,
        fixed=np.repeat([False, True], len(texts)),
    )[: len(texts)]
    moved = np.linalg.norm(placed - pixels, axis=1) > 1.7 * sizes[:, 1]
    placed = axes.transData.inverted().transform(placed)
    for text, place, anchor, far in zip(texts, placed, anchors, moved, strict=True):
        text.set_position(tuple(place))
        if far:
            axes.plot(*zip(place, anchor, strict=True), color="black", linewidth=0.7, zorder=4, in_layout=False)


def _middle(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """The point where the points are densest: their median may lie where another class is."""
    places = np.random.default_rng(0).permutation(places)[:500]
    width = max(float(np.ptp(places, axis=0).max()) / 8, 1e-9)
    squares = ((places[:, None] - places) ** 2).sum(axis=2) / width**2
    densest: NDArray[np.float32] = places[(1 / (1 + squares)).sum(axis=1).argmax()]
    return densest
