"""The display of training: a live bar on a terminal with a line for each tenth of the way, plain lines elsewhere."""

import sys
import time
from collections import deque
from math import ceil
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aecli.cli.console import SECONDS_BETWEEN_LINES, Console, printable, rich_console
from aecli.data.classes import first_classes, occurring_classes
from aecli.runtime.counting import counted
from aecli.workflows.training_clock import TrainingClock

if TYPE_CHECKING:
    from aecli.checkpoint.run_folder import EpochMetrics
    from aecli.training.subsets import Subset

SECONDS_OF_SPEED = 5.0
"""The displayed speed is that of the last seconds."""
LINES_ON_TERMINAL = 10
LINES_IN_PIPE = 100
"""Lines of a whole run, about. Shorter runs have one for each epoch."""
BAR_WIDTH = 20
"""Columns for a short bar, the time left, and spaces."""


class ConsoleListener:
    """A training listener that writes to standard error."""

    def __init__(self, console: Console, images: "Subset", validation: "Subset"):
        self._console = console
        self._bars: Any = None
        self._task: Any = None
        self._printed_at = time.monotonic()
        self._last_is_printed = True
        self._recent: deque[tuple[float, float]] = deque()
        self.clock = TrainingClock()
        self.warnings: list[str] = []
        """All warnings received."""
        source = "" if validation.images.word == images.images.word else f" of {validation.images.word}"
        console.note(
            f"training on {counted(len(images), 'tile' if images.images.tiles else 'image')} of {images.images.word}, "
            f"validating on {len(validation):,}{source}"
        )
        if classes := occurring_classes(images.images):
            console.note(f"{counted(len(classes), 'class', 'classes')}: {first_classes(classes)}")

    def __enter__(self) -> "ConsoleListener":
        if self._console.shows_bars:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            from rich.table import Column

            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None, table_column=Column(max_width=40)),
                TextColumn("{task.fields[metrics]}"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=rich_console(sys.stderr),
                transient=True,  # the lines above it stay
            )
            self._bars.__enter__()
            self._task = self._bars.add_task("preparing", total=None, metrics="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.clock.last and not self._last_is_printed:
            self._print_epoch(self.clock.last)
        if self._bars:
            self._bars.__exit__(kind, error, traceback)

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)
        if self._bars:  # rich would break a long line, which may hold options to copy
            from rich.text import Text

            self._bars.console.print(Text.assemble(("warning:", "yellow"), " ", printable(text)), soft_wrap=True)
        else:
            self._console.warn(text)

    def on_note(self, text: str) -> None:
        self._console.note(text)

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        self.clock.start(epochs, done_epochs, images_per_epoch)
        self._printed_at = time.monotonic()
        self._recent = deque([(self._printed_at, done_epochs)])
        if done_epochs:
            self._console.note(f"resuming after epoch {done_epochs} of {epochs}")
        if self._bars:
            text = self._epoch_text(done_epochs)
            self._bars.reset(self._task, total=epochs, completed=done_epochs, description=text)

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        done = self.clock.epochs_done(epoch, images_done)
        self._measure(done)
        if self._bars:
            self._show(epoch, done, loss)
        elif self._console.shows_progress and time.monotonic() - self._printed_at >= SECONDS_BETWEEN_LINES:
            share = images_done / self.clock.images_per_epoch
            self._print(f"{self._epoch_text(epoch)}, {share:.0%} done  loss {loss:.4f}  {self._speed_text()}")

    def on_epoch(self, metrics: "EpochMetrics", is_best: bool) -> None:
        self.clock.end_epoch(metrics)
        self._measure(metrics.epoch)
        if self._bars:
            self._show(metrics.epoch, metrics.epoch, metrics.train_loss)
        self._last_is_printed = not self._console.shows_progress
        if self._console.shows_progress and self._is_line_due(metrics.epoch):
            self._print_epoch(metrics)

    def _is_line_due(self, epoch: int) -> bool:
        epochs = self.clock.epochs
        if self._bars:
            return epoch * LINES_ON_TERMINAL // epochs > (epoch - 1) * LINES_ON_TERMINAL // epochs
        is_first_or_last = epoch in (self.clock.first_epoch + 1, epochs)
        is_late = time.monotonic() - self._printed_at >= SECONDS_BETWEEN_LINES
        return is_first_or_last or is_late or epoch % ceil(epochs / LINES_IN_PIPE) == 0

    def _print_epoch(self, metrics: "EpochMetrics") -> None:
        text = f"{self._epoch_text(metrics.epoch)}  {self.clock.metrics_text(metrics.train_loss)}"
        with_speed = f"{text}  {self._speed_text()}"
        is_too_long = self._bars and len(with_speed) > self._bars.console.width
        self._print(text if is_too_long else with_speed)
        self._last_is_printed = True

    def _print(self, line: str) -> None:
        self._console.note(line.rstrip())
        self._printed_at = time.monotonic()

    def _show(self, epoch: int, done: float, loss: float) -> None:
        name, metrics = self._epoch_text(epoch), self.clock.metrics_text(loss)
        texts = [f"{metrics}  {self._speed_text()}", metrics, self.clock.metrics_text(None)]
        room = self._bars.console.width - len(name) - BAR_WIDTH
        text = next((text for text in texts if len(text) <= room), "")
        self._bars.update(self._task, completed=done, description=name, metrics=text)

    def _epoch_text(self, epoch: int) -> str:
        return f"epoch {epoch:>{len(str(self.clock.epochs))}}/{self.clock.epochs}"

    def _measure(self, done: float) -> None:
        """Record how many epochs are done now, and forget what is older than needed for the current speed.

        The time after the last image of an epoch, in which the model is validated, does not count.
        """
        if self._recent and done <= self._recent[-1][1]:
            return
        now = time.monotonic()
        self._recent.append((now, done))
        while len(self._recent) > 2 and now - self._recent[1][0] >= SECONDS_OF_SPEED:
            self._recent.popleft()

    def _speed_text(self) -> str:
        """Return the speed of the last seconds; an empty text before it is known."""
        if len(self._recent) < 2:
            return ""
        (started, before), (now, done) = self._recent[0], self._recent[-1]
        return f"{(done - before) * self.clock.images_per_epoch / max(now - started, 1e-9):,.0f} images/s"
