"""Loss curves, and accuracy curves of a classifier."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

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


NEAR = 3
"""A reference loss further outside the range of the losses than this factor gets no line, as it would flatten the
curves."""


def draw(history: Sequence[EpochLosses], path: Path, references: Mapping[str, float] = MappingProxyType({})) -> None:
    """Draw training and validation loss against epochs, with the best epoch marked.

    The scale is logarithmic if all losses are positive. If the epochs have accuracies, a second panel shows them.
    `references` are validation losses to compare with, by name, such as `mean_image`; they become gray lines.
    """
    epochs = [row.epoch for row in history]
    best = min(history, key=lambda row: row.val_loss)
    scale = "log" if all(min(row.train_loss, row.val_loss) > 0 for row in history) else "linear"
    panels = 1 if best.val_accuracy is None else 2
    with figure(path, (6.4 * panels, 4.0), dpi=120) as drawn:
        left, *right = drawn.subplots(1, panels, squeeze=False)[0]
        _draw_pair(left, epochs, [row.train_loss for row in history], [row.val_loss for row in history])
        _mark(left, best.epoch, best.val_loss, f"best: {best.val_loss:.4g}, epoch {best.epoch}")
        left.set(ylabel="loss", title="Loss over all images of each epoch", yscale=scale)
        _draw_references(left, references, [loss for row in history for loss in (row.train_loss, row.val_loss)])
        _label_ticks(left, scale)
        for axes in right:
            _draw_pair(axes, epochs, [row.train_accuracy for row in history], [row.val_accuracy for row in history])
            _mark(axes, best.epoch, best.val_accuracy, f"lowest loss: {best.val_accuracy:.4g}, epoch {best.epoch}")
            axes.set(ylabel="accuracy", title="Accuracy over all images of each epoch")
        for axes in (left, *right):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()


def _label_ticks(axes: Axes, scale: str) -> None:
    """Label as many ticks as fit: between powers of ten 2 to 9, 2 and 5, or none, depending on the range."""
    low, high = axes.get_ylim()
    if scale == "log" and high > 10 * low:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5) if high < 1e4 * low else ()))
    for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        ticks(StrMethodFormatter("{x:.3g}"))


def _draw_pair(axes: Axes, epochs: Sequence[int], training: Sequence[Any], validation: Sequence[Any]) -> None:
    style = "o-" if len(epochs) == 1 else "-"
    axes.plot(epochs, training, style, color=COLORS[0], label="training")
    axes.plot(epochs, validation, style, color=COLORS[3], label="validation")


def _draw_references(axes: Axes, references: Mapping[str, float], losses: Sequence[float]) -> None:
    """Draw a gray line for each reference near the losses; others are named in the legend only."""
    low, high = min(losses), max(losses)
    for (name, loss), style in zip(references.items(), cycle(("--", ":", "-."))):
        label = f"{name.replace('_', ' ')}: {loss:.4g}"
        if low / NEAR <= loss <= high * NEAR:
            axes.axhline(loss, color="0.5", linestyle=style, linewidth=1.2, zorder=1, label=label)
        else:
            axes.plot([], [], " ", label=f"{label} ({'above' if loss > high else 'below'})")


def _mark(axes: Axes, epoch: int, value: Any, label: str) -> None:
    axes.plot(epoch, value, "o", color=COLORS[3], label=label)
