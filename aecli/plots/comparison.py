"""Loss curves and metrics of several runs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from aecli.plots.figure import CLASS_COLORS, COLORS, figure, shortened
from aecli.reports.compare import Measured

Bar = tuple[float, tuple[float, float] | None]
"""A value and its confidence interval."""


def draw(measured: Sequence[Measured], path: Path, dpi: int | None = None) -> None:
    """Draw validation and training curves, and a panel of bars for each metric that any run has."""
    bars = {title: values for title, values in _bars(measured).items() if any(values)}
    curves = ["loss"]
    if any(each.run.history[-1].val_accuracy is not None for each in measured):
        curves.append("accuracy")
    panels = len(curves) + len(bars)
    columns = min(3, panels)
    rows = -(-panels // columns)
    with figure(path, (4.0 * columns, 0.7 + 2.7 * rows), dpi) as drawn:
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes, metric in zip(grid, curves, strict=False):
            _draw_curves(axes, measured, metric)
        for axes, (title, values) in zip(grid[len(curves) :], bars.items(), strict=False):
            _draw_bars(axes, measured, title, values)
        for axes in grid[panels:]:
            axes.set_visible(False)
        handles, labels = grid[0].get_legend_handles_labels()
        legend = drawn.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize="small")
        for text in legend.get_texts():  # a $ in a name does not start a formula
            text.set_parse_math(False)


def _color(index: int) -> str:
    palette = (*COLORS[:6], *CLASS_COLORS)
    return palette[index % len(palette)]


def _draw_curves(axes: Axes, measured: Sequence[Measured], metric: str) -> None:
    for index, each in enumerate(measured):
        epochs = [epoch.epoch for epoch in each.run.history]
        training = [getattr(epoch, f"train_{metric}") for epoch in each.run.history]
        validation = [getattr(epoch, f"val_{metric}") for epoch in each.run.history]
        if validation[-1] is None:
            continue
        style = "o" if len(epochs) == 1 else ""
        axes.plot(epochs, validation, f"{style}-", color=_color(index), label=shortened(each.run.name, 40))
        axes.plot(epochs, training, f"{style}:", color=_color(index), linewidth=1)
    axes.set(xlabel="epoch", title=f"{metric}: validation, training dotted")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == "loss":
        axes.set_yscale("log")


def _bars(measured: Sequence[Measured]) -> dict[str, list[Bar | None]]:
    """Return the bars of all runs by metric; None for a run without the metric."""

    def plain(get: Callable[[Measured], float | None]) -> list[Bar | None]:
        return [None if (value := get(each)) is None else (value, None) for each in measured]

    knn = next((each.knn for each in measured if each.knn), None)
    return {
        f"k-NN accuracy, {knn.labels:,} labels" if knn else "k-NN accuracy": [
            (each.knn.mean, each.knn.interval) if each.knn else None for each in measured
        ],
        "test accuracy": [
            (each.accuracy.value, (each.accuracy.low, each.accuracy.high)) if each.accuracy else None
            for each in measured
        ],
        "mean squared error, test": plain(lambda each: each.mse),
        "AUROC of the detector": plain(lambda each: each.run.auroc),
        "epochs to the common target": plain(lambda each: each.run.reached_epoch),
        "parameters": plain(lambda each: each.run.header.parameters),
        "code units": plain(lambda each: each.run.code_units),
        "images/s": plain(lambda each: round(each.images_per_second)),
    }


def _draw_bars(axes: Axes, measured: Sequence[Measured], title: str, values: Sequence[Bar | None]) -> None:
    for index, bar in enumerate(values):
        if bar is None:
            continue
        value, interval = bar
        error = None if interval is None else [[max(0, value - interval[0])], [max(0, interval[1] - value)]]
        axes.barh(index, value, color=_color(index), alpha=0.8, xerr=error, capsize=3)
        text = f"{value:.3f}" if 0 < value < 1 else f"{value:,.1f}".removesuffix(".0")
        edge = value if interval is None else interval[1]
        axes.annotate(text, (edge, index), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set(title=title, ylim=(len(values) - 0.4, -0.6))
    axes.set_yticks(range(len(measured)), [shortened(each.run.name, 24) for each in measured], parse_math=False)
    if max(bar[0] for bar in values if bar) >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.25)
    axes.grid(visible=False, axis="y")
