"""How the losses went."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from aecli.plots.figure import COLOURS, figure


class EpochLosses(Protocol):
    """What is drawn of an epoch."""

    @property
    def epoch(self) -> int: ...
    @property
    def train_loss(self) -> float: ...
    @property
    def val_loss(self) -> float: ...


def draw(history: Sequence[EpochLosses], path: Path) -> None:
    """Draw training and validation loss against epochs, on a logarithmic scale if it can be, with the best marked."""
    epochs = [row.epoch for row in history]
    best = min(history, key=lambda row: row.val_loss)
    scale = "log" if all(min(row.train_loss, row.val_loss) > 0 for row in history) else "linear"
    style = "o-" if len(history) == 1 else "-"
    with figure(path, (6.4, 4.0), dpi=120) as drawn:
        axes = drawn.subplots()
        axes.plot(epochs, [row.train_loss for row in history], style, color=COLOURS[0], label="training")
        axes.plot(epochs, [row.val_loss for row in history], style, color=COLOURS[3], label="validation")
        axes.plot(
            best.epoch, best.val_loss, "o", color=COLOURS[3], label=f"best: {best.val_loss:.4g}, epoch {best.epoch}"
        )
        axes.set(xlabel="epoch", ylabel="loss", title="Loss over all images of each epoch", yscale=scale)
        for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            ticks(StrMethodFormatter("{x:.3g}"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
