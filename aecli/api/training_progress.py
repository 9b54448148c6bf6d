"""The progress of `aecli.train`: a bar with the losses, the speed and the time left."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from aecli.api.errors import CallerWarnings
from aecli.api.progress import SECONDS_BETWEEN_UPDATES, Display
from aecli.checkpoint.run_folder import EpochMetrics
from aecli.runtime.durations import duration_text
from aecli.workflows.training_clock import TrainingClock

if TYPE_CHECKING:
    from aecli.training.callbacks import TrainingListener


class DisplayListener:
    """A training listener that shows the progress on a display, and passes it on to another listener.

    It issues the warnings, and measures the time.
    """

    def __init__(self, warnings: CallerWarnings, display: Display | None, listener: "TrainingListener | None" = None):
        self._warnings = warnings
        self._display = display
        self._listener = listener
        self._shown = time.monotonic()
        self.clock = TrainingClock()

    def __enter__(self) -> "DisplayListener":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._display:
            self._display.close(self._summary())

    def on_warning(self, text: str) -> None:
        """Issue a warning."""
        self._warnings.issue(text)
        if self._listener:
            self._listener.on_warning(text)

    def on_note(self, text: str) -> None:
        """Pass on what takes a while after Ctrl-C."""
        if self._display:
            self._display.keep(text)
        if self._listener:
            self._listener.on_note(text)

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        """Start the clock."""
        self.clock.start(epochs, done_epochs, images_per_epoch)
        if self._display:
            self._display.update(f"epoch {done_epochs}/{epochs}", done_epochs, epochs)
        if self._listener:
            self._listener.on_start(epochs, done_epochs, images_per_epoch)

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        """Show the loss of the last batch."""
        if self._display and time.monotonic() - self._shown >= SECONDS_BETWEEN_UPDATES:
            self._show(epoch, self.clock.epochs_done(epoch, images_done), loss)
        if self._listener:
            self._listener.on_progress(epoch, images_done, loss)

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        """Show the losses of an epoch."""
        self.clock.end_epoch(metrics)
        is_due = metrics.epoch == self.clock.epochs or time.monotonic() - self._shown >= SECONDS_BETWEEN_UPDATES
        if self._display and is_due:
            self._show(metrics.epoch, metrics.epoch, metrics.train_loss)
        if self._listener:
            self._listener.on_epoch(metrics, is_best)

    def _show(self, epoch: int, done: float, loss: float) -> None:
        assert self._display
        self._shown = time.monotonic()
        epochs, speed = self.clock.epochs, self.clock.current_images_per_second(done)
        details = f"{self.clock.metrics_text(loss)}  {speed:,.0f} images/s"
        self._display.update(f"epoch {epoch}/{epochs}", done, epochs, details)

    def _summary(self) -> str | None:
        last = self.clock.last
        if last is None:
            return None
        accuracy = "" if last.val_accuracy is None else f", accuracy {last.val_accuracy:.4f}"
        return (
            f"epoch {last.epoch:,} of {self.clock.epochs:,} after {duration_text(self.clock.seconds)}: "
            f"validation loss {last.val_loss:.4f}{accuracy}"
        )
