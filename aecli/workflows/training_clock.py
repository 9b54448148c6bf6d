"""The time, the speed and the metrics of a training, for whatever shows them."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecli.checkpoint.run_folder import EpochMetrics


class TrainingClock:
    """Measures the time of a training, and keeps the metrics of its last epoch. A training listener calls it."""

    def __init__(self) -> None:
        self.epochs = self.first_epoch = self.images_per_epoch = 0
        self.last: EpochMetrics | None = None
        """The metrics of the last finished epoch; None before there is one."""
        self._done_epochs = 0
        self._started = self._ended = time.monotonic()

    def start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        """Start the clock; earlier calls have trained for `done_epochs`."""
        self._started = self._ended = time.monotonic()
        self.epochs, self.images_per_epoch = epochs, images_per_epoch
        self.first_epoch = self._done_epochs = done_epochs

    def end_epoch(self, metrics: "EpochMetrics") -> None:
        """Keep the metrics of an epoch that ends now."""
        self.last, self._done_epochs, self._ended = metrics, metrics.epoch, time.monotonic()

    def epochs_done(self, epoch: int, images_done: int) -> float:
        """Return the number of epochs that are done, with a fraction for the images of the current one."""
        return epoch - 1 + images_done / self.images_per_epoch

    @property
    def seconds(self) -> float:
        """Seconds from the start of training to the end of the last epoch, without the time for plots."""
        return self._ended - self._started

    @property
    def images_per_second(self) -> float:
        """Training images per second, over the epochs of this call."""
        return self._rate(self._done_epochs, self.seconds)

    def current_images_per_second(self, done: float) -> float:
        """Return the training images per second until now, when `done` epochs are done."""
        return self._rate(done, time.monotonic() - self._started)

    def metrics_text(self, loss: float | None) -> str:
        """Return the loss of training, unless it is None, and the last metrics of validation, once there are any."""
        metrics = [] if loss is None else [f"loss {loss:.4f}"]
        if self.last:
            metrics.append(f"val {self.last.val_loss:.4f}")
            if self.last.val_accuracy is not None:
                metrics.append(f"accuracy {self.last.val_accuracy:.4f}")
        return "  ".join(metrics)

    def _rate(self, done: float, seconds: float) -> float:
        return (done - self.first_epoch) * self.images_per_epoch / max(seconds, 1e-9)
