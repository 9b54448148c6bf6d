"""The progress of `aecli.train`: a bar with the losses, the speed and the time left."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from aecli.api.errors import CallerWarnings
from aecli.api.progress import SECONDS_BETWEEN_UPDATES, Display
from aecli.checkpoint.run_folder import EpochMetrics
from aecli.runtime.durations import duration_text

if TYPE_CHECKING:
    from aecli.training.callbacks import TrainingListener


class TrainingProgress:
    """A training listener that shows the progress on a display, and passes it on to another listener.

    It issues the warnings, and measures the time.
    """

    def __init__(self, warnings: CallerWarnings, display: Display | None, listener: "TrainingListener | None" = None):
        self._warnings = warnings
        self._display = display
        self._listener = listener
        self._epochs = self._first_epoch = self._done_epochs = self._images = 0
        self._started = self._ended = self._shown = time.monotonic()
        self._last: EpochMetrics | None = None

    def __enter__(self) -> "TrainingProgress":
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
        self._started = self._ended = time.monotonic()
        self._epochs, self._first_epoch, self._images = epochs, done_epochs, images_per_epoch
        self._done_epochs = done_epochs
        if self._display:
            self._display.update(f"epoch {done_epochs}/{epochs}", done_epochs, epochs)
        if self._listener:
            self._listener.on_start(epochs, done_epochs, images_per_epoch)

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        """Show the loss of the last batch."""
        if self._display and time.monotonic() - self._shown >= SECONDS_BETWEEN_UPDATES:
            self._show(epoch, epoch - 1 + images_done / self._images, loss)
        if self._listener:
            self._listener.on_progress(epoch, images_done, loss)

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        """Show the losses of an epoch."""
        self._last, self._done_epochs, self._ended = metrics, metrics.epoch, time.monotonic()
        if self._display and (self._ended - self._shown >= SECONDS_BETWEEN_UPDATES or metrics.epoch == self._epochs):
            self._show(metrics.epoch, metrics.epoch, metrics.train_loss)
        if self._listener:
            self._listener.on_epoch(metrics, is_best)

    @property
    def seconds(self) -> float:
        """Seconds from the start of training to the end of the last epoch."""
        return self._ended - self._started

    @property
    def images_per_second(self) -> float:
        """Training images per second, over the epochs of this call."""
        return self._rate(self._done_epochs, self._ended)

    def _show(self, epoch: int, done: float, loss: float) -> None:
        assert self._display
        self._shown = time.monotonic()
        parts = [f"loss {loss:.4f}"]
        if self._last:
            parts.append(f"val {self._last.val_loss:.4f}")
            if self._last.val_accuracy is not None:
                parts.append(f"accuracy {self._last.val_accuracy:.4f}")
        parts.append(f"{self._rate(done, self._shown):,.0f} images/s")
        self._display.update(f"epoch {epoch}/{self._epochs}", done, self._epochs, "  ".join(parts))

    def _rate(self, done: float, now: float) -> float:
        return (done - self._first_epoch) * self._images / max(now - self._started, 1e-9)

    def _summary(self) -> str | None:
        if self._last is None:
            return None
        accuracy = "" if self._last.val_accuracy is None else f", accuracy {self._last.val_accuracy:.4f}"
        return (
            f"epoch {self._last.epoch:,} of {self._epochs:,} after {duration_text(self.seconds)}: "
            f"validation loss {self._last.val_loss:.4f}{accuracy}"
        )
