"""Loss curves and metrics of several runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator

from aecli.plots.figure import CLASS_COLORS, COLORS, figure, shortened
from aecli.recipes.schema import Recipe
from aecli.reports.compare import ComparedRun

COLUMNS, WIDTH, NAMES = 3, 3.5, 1.8
"""Panels in a row, the inches of each, and the inches of the runs' names at the left."""
CURVES, HEAD, BAR = 2.7, 0.75, 0.27
"""Inches of the height of a panel of curves; those of bars have a height for the axis and one for each run."""
NONE = "n/a"
"""What stands in place of a bar."""


@dataclass(frozen=True)
class Bars:
    """A panel of bars, one for each run."""

    title: str
    values: Sequence[float | None]
    """None for a run that the metric does not apply to."""
    intervals: Sequence[tuple[float, float] | None]
    chance: float | None = None
    """Of a proportion: what guessing reaches."""
    is_proportion: bool = False
    """Whether the values are between 0 and 1."""


def draw(measured: Sequence[ComparedRun], path: Path, dpi: int | None = None, *, images: str | None = None) -> None:
    """Draw validation and training curves, and a panel of bars for each metric that any run has.

    Losses in different units are in different panels.

    Args:
        measured: The runs.
        path: The file to write.
        dpi: Its resolution.
        images: DATA word of the images that the runs were measured on; None if each was on its validation images.
    """
    curves = [(f"loss, {unit}", "loss", group) for unit, group in _by_unit(measured).items()]
    classifiers = [each for each in measured if each.run.history[-1].val_accuracy is not None]
    if classifiers:
        curves.append(("accuracy", "accuracy", classifiers))
    bars = [each for each in _bars(measured) if any(value is not None for value in each.values)]
    heights = [CURVES] * -(-len(curves) // COLUMNS) + [HEAD + BAR * len(measured)] * -(-len(bars) // COLUMNS)
    legend = 0.3 + 0.2 * -(-len(measured) // COLUMNS)
    with figure(path, (NAMES + COLUMNS * WIDTH, sum(heights) + legend + 0.35), dpi) as drawn:
        grid = drawn.subplots(len(heights), COLUMNS, squeeze=False, gridspec_kw={"height_ratios": heights})
        above, below = (rows.ravel() for rows in np.split(grid, [-(-len(curves) // COLUMNS)]))
        for axes in (*above[len(curves) :], *below[len(bars) :]):
            axes.set_visible(False)
        for axes, (title, metric, group) in zip(above, curves, strict=False):
            _draw_curves(axes, measured, group, title, metric)
        for index, (axes, panel) in enumerate(zip(below, bars, strict=False)):
            _draw_bars(axes, panel)
            names = [shortened(each.run.name, 24) for each in measured] if index % COLUMNS == 0 else []
            axes.set_yticks(range(len(names)), names, parse_math=False, fontsize=9)
        where = f"measured on {images}" if images else "each measured on its validation images"
        drawn.suptitle(
            f"{len(measured)} runs, {shortened(where, 100)}; curves: validation solid, training dotted",
            fontsize="medium",
            parse_math=False,
        )
        _draw_legend(drawn, measured)


def _draw_legend(drawn: Figure, measured: Sequence[ComparedRun]) -> None:
    handles = [drawn.axes[0].plot([], [], color=_color(index))[0] for index in range(len(measured))]
    names = [shortened(each.run.name, 40) for each in measured]
    legend = drawn.legend(handles, names, loc="outside lower center", ncols=min(COLUMNS, len(names)), fontsize="small")
    for text in legend.get_texts():  # a $ in a name does not start a formula
        text.set_parse_math(False)


def _color(index: int) -> str:
    palette = (*COLORS[:6], *CLASS_COLORS)
    return palette[index % len(palette)]


def _by_unit(measured: Sequence[ComparedRun]) -> dict[str, list[ComparedRun]]:
    """Return the runs by the unit of their loss."""
    groups: dict[str, list[ComparedRun]] = {}
    for each in measured:
        recipe = Recipe.from_dict(each.run.header.recipe, each.run.name)
        name = recipe.objective.loss
        unit = "cross-entropy in nats" if name == "cross-entropy" else f"{name} in normalized units"
        if recipe.penalty.sparsity_weight or recipe.penalty.rate_weights:
            unit = f"{name} with penalty"
        groups.setdefault(unit, []).append(each)
    return groups


def _draw_curves(
    axes: Axes, measured: Sequence[ComparedRun], group: Sequence[ComparedRun], title: str, metric: str
) -> None:
    for index, each in enumerate(measured):
        if each not in group:
            continue
        epochs = [epoch.epoch for epoch in each.run.history]
        training = [getattr(epoch, f"train_{metric}") for epoch in each.run.history]
        validation = [getattr(epoch, f"val_{metric}") for epoch in each.run.history]
        style = "o" if len(epochs) == 1 else ""
        axes.plot(epochs, validation, f"{style}-", color=_color(index))
        axes.plot(epochs, training, f"{style}:", color=_color(index), linewidth=1)
    low, high = axes.dataLim.intervaly
    if metric == "loss" and low > 0 and high > 3 * low:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5) if high < 100 * low else ()))
        for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            ticks(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(xlabel="epoch", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def _bars(measured: Sequence[ComparedRun]) -> list[Bars]:
    none = [None for _ in measured]

    def plain(title: str, get: Callable[[ComparedRun], float | None]) -> Bars:
        return Bars(title, [get(each) for each in measured], none)

    labels = next((each.knn.labels for each in measured if each.knn), None)
    return [
        Bars(
            "k-NN accuracy" if labels is None else f"k-NN accuracy, {labels:,} label{'' if labels == 1 else 's'}",
            [each.knn.mean if each.knn else None for each in measured],
            [each.knn.interval if each.knn else None for each in measured],
            is_proportion=True,
        ),
        Bars(
            "accuracy",
            [each.accuracy.value if each.accuracy else None for each in measured],
            [(each.accuracy.low, each.accuracy.high) if each.accuracy else None for each in measured],
            is_proportion=True,
        ),
        plain("mean squared error, pixels 0 to 255", lambda each: each.mse),
        Bars("AUROC of the detector", [each.run.auroc for each in measured], none, chance=0.5, is_proportion=True),
        plain("epochs to the common target", lambda each: each.run.reached_epoch),
        plain("parameters", lambda each: each.run.header.parameters),
        plain("code units", lambda each: each.run.code_units),
        plain("images/s", lambda each: round(each.images_per_second)),
    ]


def _draw_bars(axes: Axes, panel: Bars) -> None:
    """Draw the bars, and the values at the right of the axes."""
    for index, (value, interval) in enumerate(zip(panel.values, panel.intervals, strict=True)):
        if value is not None:
            error = None if interval is None else [[max(0, value - interval[0])], [max(0, interval[1] - value)]]
            axes.barh(index, value, height=0.7, color=_color(index), alpha=0.8, xerr=error, capsize=2)
        axes.annotate(
            NONE if value is None else _short(value, panel.is_proportion),
            (1, index),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color="0.5" if value is None else "black",
        )
    if panel.chance is not None:
        axes.axvline(panel.chance, color="0.4", linewidth=1, linestyle=":")
    axes.set_title(panel.title)
    axes.set(ylim=(len(panel.values) - 0.5, -0.5), yticks=[])
    largest = max(value for value in panel.values if value is not None)
    axes.set_xlim(0, 1 if panel.is_proportion else 1.04 * largest or 1)
    if largest >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="y")


def _short(value: float, is_proportion: bool) -> str:
    if is_proportion or 0 < abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:,.1f}".removesuffix(".0") if value < 1000 else f"{value:,.0f}"
