"""Accuracy of a probe against the number of labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from aecli.analyses.knn_probe.probe import Accuracy, ProbeResult
from aecli.plots.figure import COLORS, figure

MARKERS = "osD^vP"
CHANCE = "most frequent class"
"""The label of the line of chance."""
FEATURE_DISTANCE = 0.22
"""Vertical distance of the features of one method, if each method is a row of dots."""
FEATURE_SHIFT = 0.012
"""Horizontal distance of the features at one number of labels, as a fraction of the axis."""
MAX_TITLE_LENGTH = 60
"""Characters that fit into the narrowest figure."""
TICK_ROOM = 0.08
"""Width of a tick label as a fraction of the axis."""


def draw(result: ProbeResult, train: str, test: str, path: Path, dpi: int | None = None) -> None:
    """Draw the accuracies of a probe with the 95% confidence intervals of their means.

    With several numbers of labels, each method has a panel of accuracy against the number of labels on a logarithmic
    scale. With one number, each method is a row of dots. A dotted line is the accuracy of always predicting the most
    frequent class.

    Args:
        result: The probe.
        train: DATA word of the training images.
        test: DATA word of the test images.
        path: The file to write.
        dpi: Its resolution.
    """
    counts = list(dict.fromkeys(row.labels for row in result.accuracies))
    methods = list(dict.fromkeys(row.method for row in result.accuracies))
    features = list(dict.fromkeys(row.features for row in result.accuracies))
    if len(counts) == 1:
        size = (6.4, 1.9 + (0.25 + 0.22 * len(features)) * len(methods))
    else:
        size = (6.4 if len(methods) == 1 else 9.6, 1.0 + 3.2 * -(-len(methods) // 2))
    with figure(path, size, dpi) as drawn:
        if len(counts) == 1:
            axes = drawn.subplots()
            _draw_dots(axes, result.accuracies, methods, features)
            labels = (
                "all labels: "
                if counts[0] == result.available
                else f"{counts[0]:,} label{'' if counts[0] == 1 else 's'}: "
            )
        else:
            axes = _draw_panels(drawn, result, methods, features, counts)
            labels = ""
        for each in drawn.axes:
            if each.axison:
                line = each.axvline if len(counts) == 1 else each.axhline
                line(result.chance, color="0.4", linestyle=":", linewidth=1.3, zorder=1, label=CHANCE)
        title = f"{_title(train, test)}\n{labels}mean of draws and its 95% interval"
        drawn.suptitle(title, fontsize="medium", parse_math=False)
        handles, names = axes.get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=3 if len(names) > 4 else len(names))


def _title(train: str, test: str) -> str:
    """Return both DATA words, on two lines if they are long; only the end of a very long one."""
    names = [name if len(name) <= MAX_TITLE_LENGTH else f"...{name[-MAX_TITLE_LENGTH:]}" for name in (train, test)]
    title = " against ".join(" ".join(name.split()) for name in names)
    return title if len(title) <= MAX_TITLE_LENGTH else title.replace(" against ", "\nagainst ", 1)


def _draw_dots(axes: Axes, rows: Sequence[Accuracy], methods: Sequence[str], features: Sequence[str]) -> None:
    for index, name in enumerate(features):
        by_method = {row.method: row for row in rows if row.features == name}
        offset = (index - (len(features) - 1) / 2) * FEATURE_DISTANCE
        positions = [number + offset for number in range(len(methods))]
        _draw_intervals(axes, name, index, [by_method[method] for method in methods], positions, is_vertical=False)
        for position, method in zip(positions, methods, strict=True):
            row = by_method[method]
            edge = row.interval[1] if row.interval else row.mean
            axes.annotate(
                f"{row.mean:.3f}", (edge, position), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
            )
    axes.set(xlabel="accuracy", yticks=range(len(methods)), yticklabels=methods, ylim=(len(methods) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)


def _draw_panels(
    drawn: Figure, result: ProbeResult, methods: Sequence[str], features: Sequence[str], counts: Sequence[int]
) -> Axes:
    """Draw a panel for each method, and return the first one."""
    columns = min(2, len(methods))
    panels = drawn.subplots(-(-len(methods) // columns), columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(methods) :]:
        axes.set_axis_off()
    for number, (axes, method) in enumerate(zip(panels, methods, strict=False)):
        for index, name in enumerate(features):
            rows = [row for row in result.accuracies if (row.method, row.features) == (method, name)]
            # Shifted, so that the intervals of different features do not cover each other.
            shift = (counts[-1] / counts[0]) ** (FEATURE_SHIFT * (index - (len(features) - 1) / 2))
            positions = [row.labels * shift for row in rows]
            _draw_intervals(axes, name, index, rows, positions, is_vertical=True)
        axes.set(title=method, xscale="log")
        if number % columns == 0:
            axes.set_ylabel("accuracy")
        if number + columns >= len(methods):
            axes.set_xlabel("labels")
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_minor_locator(NullLocator())
        tick_labels = {
            count: f"{count:,}\nall" if count == result.available else f"{count:,}" for count in _with_room(counts)
        }
        axes.set_xticklabels(tick_labels.get(count, "") for count in counts)
    first: Axes = panels[0]
    return first


def _with_room(counts: Sequence[int]) -> list[int]:
    """Return the numbers whose tick labels do not overlap, of ascending `counts`: the last one and then downwards."""
    room = (counts[-1] / counts[0]) ** TICK_ROOM
    labeled = [counts[-1]]
    for count in reversed(counts):
        if labeled[-1] / count >= room:
            labeled.append(count)
    return labeled


def _draw_intervals(
    axes: Axes, name: str, index: int, rows: Sequence[Accuracy], positions: Sequence[float], *, is_vertical: bool
) -> None:
    means = [row.mean for row in rows]
    spans = [row.interval or (row.mean, row.mean) for row in rows]
    errors = [[mean - low for mean, (low, _) in zip(means, spans, strict=True)]]
    errors.append([high - mean for mean, (_, high) in zip(means, spans, strict=True)])
    label = "untrained network" if name == "untrained" else name
    style: Any = {"color": COLORS[(0, 3, 2, 4, 1)[index % 5]], "marker": MARKERS[index % 6], "label": label}
    if is_vertical:
        axes.errorbar(positions, means, yerr=errors, capsize=3, markersize=4.5, linewidth=1.4, **style)
    else:
        axes.errorbar(means, positions, xerr=errors, capsize=3, markersize=5.5, linestyle="none", **style)
