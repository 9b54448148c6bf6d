"""The display of training: a live bar on a terminal, one plain line per epoch elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aecli.cli.console import Console, rich_console
from aecli.data.classes import first_classes, occurring_classes
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.checkpoint.run_folder import EpochMetrics
    from aecli.training.subsets import Subset


class TrainingProgress:
    """A training listener that writes to standard error."""

    def __init__(self, console: Console, images: "Subset", validation: "Subset"):
        self._console = console
        self._bars: Any = None
        self._task: Any = None
        self._started = self._ended = time.monotonic()
        self._epochs = self._images_per_epoch = self._first_epoch = self._epochs_done = 0
        self._val_loss = float("nan")
        self._accuracy = ""
        source = "" if validation.images.word == images.images.word else f" of {validation.images.word}"
        console.note(
            f"training on {counted(len(images), 'image')} of {images.images.word}, "
            f"validating on {len(validation):,}{source}"
        )
        if classes := occurring_classes(images.images):
            console.note(f"{counted(len(classes), 'class', 'classes')}: {first_classes(classes)}")

    def __enter__(self) -> "TrainingProgress":
        if self._console.shows_bars:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("epoch {task.fields[epoch]}"),
                BarColumn(),
                TextColumn("loss {task.fields[loss]:.4f}  val {task.fields[val_loss]:.4f}{task.fields[accuracy]}"),
                TextColumn("{task.fields[rate]:,.0f} images/s"),
                TimeRemainingColumn(),
                console=rich_console(sys.stderr),
            )
            self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.__exit__(kind, error, traceback)

    def on_warning(self, text: str) -> None:
        self._console.warn(text)

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        self._started = self._ended = time.monotonic()
        self._epochs, self._first_epoch, self._images_per_epoch = epochs, done_epochs, images_per_epoch
        if done_epochs:
            self._console.note(f"resuming after epoch {done_epochs} of {epochs}")
        if self._bars:
            nan = float("nan")
            self._task = self._bars.add_task(
                "",
                total=epochs,
                completed=done_epochs,
                epoch=f"{done_epochs}/{epochs}",
                loss=nan,
                val_loss=nan,
                accuracy="",
                rate=0.0,
            )

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        if self._bars:
            done = epoch - 1 + images_done / self._images_per_epoch
            self._bars.update(
                self._task,
                completed=done,
                epoch=f"{epoch}/{self._epochs}",
                loss=loss,
                val_loss=self._val_loss,
                accuracy=self._accuracy,
                rate=self._rate(done, time.monotonic()),
            )

    def on_epoch(self, metrics: "EpochMetrics", is_best: bool) -> None:
        self._val_loss, self._epochs_done, self._ended = metrics.val_loss, metrics.epoch, time.monotonic()
        self._accuracy = "" if metrics.val_accuracy is None else f"  accuracy {metrics.val_accuracy:.4f}"
        if self._bars:
            self.on_progress(metrics.epoch, self._images_per_epoch, metrics.train_loss)
        elif self._console.shows_progress:
            self._console.note(
                f"epoch {metrics.epoch}/{self._epochs}  loss {metrics.train_loss:.4f}  val {metrics.val_loss:.4f}"
                f"{self._accuracy}  {self._rate(metrics.epoch, self._ended):,.0f} images/s{'  best' if is_best else ''}"
            )

    @property
    def seconds(self) -> float:
        """Seconds from the start of training to the end of the last epoch, without the time for plots."""
        return round(self._ended - self._started, 3)

    @property
    def images_per_second(self) -> float:
        """Training images per second, over the epochs of this call."""
        return round(self._rate(self._epochs_done, self._ended), 1)

    def _rate(self, done: float, now: float) -> float:
        return (done - self._first_epoch) * self._images_per_epoch / max(now - self._started, 1e-9)
