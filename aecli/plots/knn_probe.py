"""How accuracy grows with the number of labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from aecli.analyses.knn_probe.probe import Accuracy, ProbeResult
from aecli.plots.figure import COLORS, figure

MARKERS = "osD^vP"
APART = 0.22
"""Between the features of one method where each method is a line of dots."""
ASIDE = 0.012
"""The same beside one number of labels, in parts of the axis."""
LONG_NAME = 60
"""Letters that fit the narrowest figure."""
ROOM = 0.08
"""For the name of a tick, in parts of the axis."""


def draw(result: ProbeResult, train: str, test: str, path: Path) -> None:
    """Draw the accuracies of a probe with 95 % intervals of their means; `train` and `test` say of what images.

    One panel for each method shows accuracy against the number of labels, on a logarithmic scale; where there is one
    number only, each method is a line of dots.
    """
    counts = list(dict.fromkeys(row.labels for row in result.accuracies))
    methods = list(dict.fromkeys(row.method for row in result.accuracies))
    features = list(dict.fromkeys(row.features for row in result.accuracies))
    if len(counts) == 1:
        size = (6.4, 1.9 + (0.25 + 0.22 * len(features)) * len(methods))
    else:
        size = (6.4 if len(methods) == 1 else 9.6, 1.0 + 3.2 * -(-len(methods) // 2))
    with figure(path, size, dpi=120) as drawn:
        if len(counts) == 1:
            axes = drawn.subplots()
            _dots(axes, result.accuracies, methods, features)
            spoken = "all labels: " if counts[0] == result.available else f"{counts[0]:,} labels: "
        else:
            axes = _panels(drawn, result, methods, features, counts)
            spoken = ""
        title = f"{_title(train, test)}\n{spoken}mean of draws and its 95 % interval"
        drawn.suptitle(title, fontsize="medium", parse_math=False)
        handles, names = axes.get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=len(names))


def _title(train: str, test: str) -> str:
    """Name both, on two lines where they are long; of very long paths the end."""
    names = [name if len(name) <= LONG_NAME else f"...{name[-LONG_NAME:]}" for name in (train, test)]
    title = " against ".join(" ".join(name.split()) for name in names)
    return title if len(title) <= LONG_NAME else title.replace(" against ", "\nagainst ", 1)


def _dots(axes: Axes, rows: Sequence[Accuracy], methods: Sequence[str], features: Sequence[str]) -> None:
    for index, name in enumerate(features):
        mine = {row.method: row for row in rows if row.features == name}
        places = [number + (index - (len(features) - 1) / 2) * APART for number in range(len(methods))]
        _with_intervals(axes, name, index, [mine[method] for method in methods], places, upright=False)
        for place, method in zip(places, methods, strict=True):
            row = mine[method]
            edge = row.interval[1] if row.interval else row.mean
            axes.annotate(
                f"{row.mean:.3f}", (edge, place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
            )
    axes.set(xlabel="accuracy", yticks=range(len(methods)), yticklabels=methods, ylim=(len(methods) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)


def _panels(
    drawn: Figure, result: ProbeResult, methods: Sequence[str], features: Sequence[str], counts: Sequence[int]
) -> Axes:
    columns = min(2, len(methods))
    panels = drawn.subplots(-(-len(methods) // columns), columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(methods) :]:
        axes.set_axis_off()
    for number, (axes, method) in enumerate(zip(panels, methods, strict=False)):
        for index, name in enumerate(features):
            rows = [row for row in result.accuracies if (row.method, row.features) == (method, name)]
            # a little to the side, so that intervals do not hide one another
            aside = (counts[-1] / counts[0]) ** (ASIDE * (index - (len(features) - 1) / 2))
            places = [row.labels * aside for row in rows]
            _with_intervals(axes, name, index, rows, places, upright=True)
        axes.set(title=method, xscale="log")
        if number % columns == 0:
            axes.set_ylabel("accuracy")
        if number + columns >= len(methods):
            axes.set_xlabel("labels")
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_minor_locator(NullLocator())
        roomy = _with_room(counts)
        spoken = {count: f"{count:,}\nall" if count == result.available else f"{count:,}" for count in roomy}
        axes.set_xticklabels(spoken.get(count, "") for count in counts)
    first: Axes = panels[0]
    return first


def _with_room(counts: Sequence[int]) -> list[int]:
    """Return the numbers, ascending, whose ticks have room for their names; the last and largest always has."""
    room = (counts[-1] / counts[0]) ** ROOM
    roomy = [counts[-1]]
    for count in reversed(counts):
        if roomy[-1] / count >= room:
            roomy.append(count)
    return roomy


def _with_intervals(
    axes: Axes, name: str, index: int, rows: Sequence[Accuracy], places: Sequence[float], *, upright: bool
) -> None:
    means = [row.mean for row in rows]
    spans = [row.interval or (row.mean, row.mean) for row in rows]
    errors = [[mean - low for mean, (low, _) in zip(means, spans, strict=True)]]
    errors.append([high - mean for mean, (_, high) in zip(means, spans, strict=True)])
    style: Any = {"color": COLORS[(0, 3, 2, 4, 1)[index % 5]], "marker": MARKERS[index % 6], "label": name}
    if upright:
        axes.errorbar(places, means, yerr=errors, capsize=3, markersize=4.5, linewidth=1.4, **style)
    else:
        axes.errorbar(means, places, xerr=errors, capsize=3, markersize=5.5, linestyle="none", **style)
