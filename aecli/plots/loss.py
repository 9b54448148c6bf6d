"""Loss curves, and accuracy curves of a classifier."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator

from aecli.plots.figure import COLORS, figure


class EpochLosses(Protocol):
    """The metrics of an epoch that are drawn."""

    @property
    def epoch(self) -> int: ...
    @property
    def train_loss(self) -> float: ...
    @property
    def val_loss(self) -> float: ...
    @property
    def train_accuracy(self) -> float | None: ...
    @property
    def val_accuracy(self) -> float | None: ...


NO_REFERENCES: Mapping[str, float] = MappingProxyType({})
NEAR = 3
"""A reference loss further outside the range of the losses than this factor gets no line, as it would flatten the
curves; unless the losses are above it."""
LOGARITHMIC = 3
"""The ratio of the largest to the smallest loss from which the scale is logarithmic."""
LEAST_RATIO = 1.25
"""The axis of losses spans this ratio at least, and that of accuracies `LEAST_SPAN`: noise does not look like progress.
"""
LEAST_SPAN = 0.2


def draw(
    history: Sequence[EpochLosses],
    path: Path,
    references: Mapping[str, float] = NO_REFERENCES,
    accuracy_references: Mapping[str, float] = NO_REFERENCES,
    warning: str | None = None,
) -> None:
    """Draw training and validation loss against epochs, with the best epoch marked.

    If the epochs have accuracies, a second panel shows them.

    Args:
        history: The metrics of all epochs.
        path: The file to write.
        references: Validation losses to compare with, by name, such as `mean_image`; they become gray lines.
        accuracy_references: The same for accuracies.
        warning: What to say above the curves if the model did not learn.
    """
    best = min(history, key=lambda row: row.val_loss)
    panels = 1 if best.val_accuracy is None else 2
    with figure(path, (6.4 * panels, 4.6)) as drawn:
        left, *right = drawn.subplots(1, panels, squeeze=False)[0]
        losses = [loss for row in history for loss in (row.train_loss, row.val_loss)]
        _draw_pair(left, history, "loss")
        _mark(left, best.epoch, best.val_loss, "best")
        _draw_references(left, references, losses)
        _scale_losses(left)
        for axes in right:
            _draw_pair(axes, history, "accuracy")
            _mark(axes, best.epoch, best.val_accuracy, "lowest loss")
            for name, accuracy in accuracy_references.items():
                _draw_line(axes, accuracy, "--", f"{name}: {accuracy:.4g}")
            low, high = axes.get_ylim()
            low = max(-0.02, min(low, high - LEAST_SPAN))
            axes.set_ylim(low, min(1.02, max(high, low + LEAST_SPAN)))
        for axes in (left, *right):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True) if len(history) > 1 else FixedLocator([best.epoch]))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
        if warning:
            text = f"{warning[:1].upper()}{warning[1:]}".replace(" (", "\n(")
            drawn.suptitle(text, color=COLORS[3], fontsize="medium", fontweight="bold", parse_math=False)


def _draw_pair(axes: Axes, history: Sequence[EpochLosses], metric: str) -> None:
    epochs = [row.epoch for row in history]
    style = "o-" if len(epochs) == 1 else "-"
    for name, prefix, color in (("training", "train", COLORS[0]), ("validation", "val", COLORS[3])):
        values: list[Any] = [getattr(row, f"{prefix}_{metric}") for row in history]
        axes.plot(epochs, values, style, color=color, label=name, linewidth=1.5 if len(epochs) < 500 else 0.8)
    axes.set(ylabel=metric, title=f"{metric.capitalize()} over all images of each epoch")


def _draw_references(axes: Axes, references: Mapping[str, float], losses: Sequence[float]) -> None:
    """Draw a gray line for each reference near the losses or below them all; others are named in the legend only."""
    low, high = min(losses), max(losses)
    for (name, loss), style in zip(references.items(), cycle(("--", ":", "-."))):
        label = f"{name.replace('_', ' ')}: {loss:.4g}"
        if loss <= low or loss <= high * NEAR:
            _draw_line(axes, loss, style, label)
        else:
            axes.plot([], [], " ", label=f"{label} (above)")


def _draw_line(axes: Axes, value: float, style: str, label: str) -> None:
    axes.axhline(value, color="0.4", linestyle=style, linewidth=1.3, zorder=1, label=label)


def _scale_losses(axes: Axes) -> None:
    """Choose the scale and its limits, and label as many ticks as fit."""
    low, high = axes.dataLim.intervaly
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    if low <= 0:
        return
    if high >= LOGARITHMIC * low:
        axes.set_yscale("log")
        if high > 10 * low:
            axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5) if high < 1e4 * low else ()))
        for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            ticks(FuncFormatter(lambda value, _: f"{value:,g}" if 1e-4 < value < 1e7 else f"{value:.0e}"))
    elif high < LEAST_RATIO * low:
        middle, half = (low + high) / 2, (LEAST_RATIO - 1) / 2
        axes.set_ylim(middle * (1 - half), middle * (1 + half))


def _mark(axes: Axes, epoch: int, value: Any, label: str) -> None:
    axes.plot(epoch, value, "o", color=COLORS[3], label=f"{label}: {value:.4g}, epoch {epoch:,}", clip_on=False)
