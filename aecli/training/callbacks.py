"""Lightning callbacks that keep the run's history and folder, and report progress."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol

import pytorch_lightning as pl
from torch import Tensor

from aecli.checkpoint.run_folder import EpochMetrics, RunFolder, is_finished
from aecli.errors import AecliError, Interrupted
from aecli.recipes.resuming import require_not_exceeded
from aecli.recipes.schema import Recipe
from aecli.runtime.lightning_internals import dump_checkpoint, stop_watching_processes
from aecli.storage.schema import build, matches
from aecli.training.module import TrainingModule
from aecli.training.same_images import SPLIT, require_same_images
from aecli.training.training_state import EpochState


class TrainingListener(Protocol):
    """Follows a run; called a few times a second at most, and after each epoch."""

    def on_warning(self, text: str) -> None:
        """Receive a warning, before training starts, after an epoch or at the end."""

    def on_note(self, text: str) -> None:
        """Receive a line about what takes a while after a signal."""

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        """Receive the run's total number of epochs, and the number of epochs before it was resumed."""

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        """Receive the number of images done in `epoch`, counted from 1, and the loss of the last batch."""

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        """Receive the metrics of an epoch; `is_best` if its validation loss is the smallest so far."""


class History(pl.Callback):
    """The losses of all epochs and the weights of the best one; saved in the state that a run resumes from.

    Training stops once the recipe's patience is exhausted, also at the start of a resumed run.
    """

    def __init__(self, recipe: Recipe, fingerprints: dict[str, str], split_of_0_1: str | None = None):
        self.recipe = recipe
        self.fingerprints = fingerprints
        self._split_of_0_1 = split_of_0_1
        self.epochs: list[EpochMetrics] = []
        self._rows: list[dict[str, Any]] = []
        self.best: EpochMetrics | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.references: dict[str, float] = {}
        """Validation losses to compare with, as `reference_losses` returns them."""
        self.has_new_epoch = False
        """Whether an epoch has ended since the start or resumption; a failure before that is the resumed state's."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # The weights of a resumed state are on the CPU.
        self.best_weights = {name: value.to(module.device) for name, value in self.best_weights.items()}
        self._stop_if_exhausted(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        self.has_new_epoch = True
        metrics = EpochMetrics(
            epoch=trainer.current_epoch + 1,
            step=module.steps_done,
            lr=float(trainer.optimizers[0].param_groups[0]["lr"]),
            **module.metrics,
        )
        if not math.isfinite(metrics.train_loss + metrics.val_loss):
            return  # the module stops the run right after this
        self.epochs.append(metrics)
        if self.best is None or metrics.val_loss < self.best.val_loss:
            self.best = metrics
            self.best_weights = {name: value.detach().clone() for name, value in module.model.state_dict().items()}
        self._stop_if_exhausted(trainer)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs of the recipe are done, or its patience is exhausted."""
        return is_finished(self.recipe, self.epochs)

    @property
    def stops_early(self) -> bool:
        """Whether the patience is exhausted and epochs of the recipe are left."""
        return self.is_finished and len(self.epochs) < self.recipe.training.epochs

    def _stop_if_exhausted(self, trainer: pl.Trainer) -> None:
        if self.stops_early:
            trainer.should_stop = True

    def includes_current_epoch(self, trainer: pl.Trainer) -> bool:
        """Return whether the epoch that ends was recorded: its losses are finite."""
        return bool(self.epochs) and self.epochs[-1].epoch == trainer.current_epoch + 1

    def state_dict(self) -> dict[str, Any]:
        self._rows += map(asdict, self.epochs[len(self._rows) :])  # once each: the state is copied after every epoch
        return {
            "fingerprints": self.fingerprints,
            "epochs": list(self._rows),
            "best_epoch": self.best.epoch if self.best else 0,
            "best_weights": self.best_weights,
            "references": self.references,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        earlier = {SPLIT: self._split_of_0_1} | state_dict["fingerprints"]
        require_same_images(earlier, self.fingerprints)
        require_not_exceeded(self.recipe, len(state_dict["epochs"]))
        self.epochs = [build(EpochMetrics, row) for row in state_dict["epochs"]]
        self._rows = list(state_dict["epochs"])
        self.best = next((row for row in self.epochs if row.epoch == state_dict["best_epoch"]), None)
        self.references = state_dict.get("references", {})  # missing in states of 0.1
        if not matches(self.references, dict[str, float]):
            raise ValueError("reference losses are not finite")
        self.best_weights = state_dict["best_weights"]
        if not all(weight.isfinite().all() for weight in self.best_weights.values()):
            raise ValueError("weights are not finite")


class RunFolderCallback(pl.Callback):
    """Keeps the run folder up to date.

    After each epoch it copies the training state into memory, and after some, as often as `MAX_TIME_SHARE` allows,
    it writes the state and the results to the folder. When a signal ends the run, it writes those of the last finished
    epoch. A finished run has no use for the state, which may be three times as large as the model: it is removed
    unless `keep_state` is set.
    """

    MAX_TIME_SHARE = 0.02
    """Fraction of the time that writing may take."""

    def __init__(
        self,
        folder: RunFolder,
        history: History,
        save_best: Callable[[], None],
        *,
        keep_state: bool = False,
        on_note: Callable[[str], None] | None = None,
    ):
        self._folder = folder
        self._history = history
        self._save_best = save_best
        self._keep_state = keep_state
        self._on_note = on_note or (lambda text: None)
        self._state = EpochState()
        self._saved_epochs = self._saved_state_epochs = 0
        self._saved_at = -float("inf")
        self._seconds = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            self._folder.update_recipe(self._history.recipe)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not (trainer.is_global_zero and self._history.includes_current_epoch(trainer)):
            return  # no run resumes from a state that has diverged
        _complete(lambda: self._state.capture(dump_checkpoint(trainer)))
        if self._history.is_finished or self._is_due():
            self._save()

    def save_results(self) -> None:
        """Write the losses and the best model, unless no epoch has ended since the last time."""
        if len(self._history.epochs) != self._saved_epochs:
            self._folder.save_metrics(self._history.epochs)
            self._save_best()
            self._saved_epochs = len(self._history.epochs)

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        stop_watching_processes(trainer.strategy)
        if not self._state.epochs:
            return  # no epoch has ended in this process, or its rank is not 0
        self._history.load_state_dict(self._state.callbacks[self._history.state_key])  # forget half an epoch
        if isinstance(exception, AecliError):  # a run that diverged would diverge again, and a full disk is full
            self.save_results()
            return
        if self._needs_state() and self._saved_state_epochs != self._state.epochs:
            with suppress(OSError):  # nobody reads standard error anymore
                self._on_note(
                    f"{_cause(exception)}: saving epoch {self._state.epochs:,} ({_megabytes(self._state.size)}) ..."
                )
        _complete(self._save)

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= max(1.0, self._seconds / self.MAX_TIME_SHARE)

    def _needs_state(self) -> bool:
        return self._keep_state or not self._history.is_finished

    def _save(self) -> None:
        """Write the copied state, the losses and the best model, whatever of it is not written yet."""
        started = time.monotonic()
        if self._needs_state() and self._saved_state_epochs != self._state.epochs:
            self._state.write(self._folder.state)
            self._saved_state_epochs = self._state.epochs
        self.save_results()
        if not self._needs_state():
            self._folder.state.unlink(missing_ok=True)
        self._saved_at = time.monotonic()
        self._seconds = self._saved_at - started


def _complete(action: Callable[[], None]) -> None:
    """Call `action`; if a signal interrupts it, call it again before the exception goes on.

    The command line ignores further signals; in Python, another Ctrl-C may interrupt the second call.
    """
    try:
        action()
    except AecliError:
        raise
    except BaseException:
        action()
        raise


def _cause(exception: BaseException) -> str:
    """Return the word for what ends a run, such as `interrupted`."""
    return str(exception) if isinstance(exception, Interrupted) else "stopped"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


class ListenerCallback(pl.Callback):
    """Calls a listener, rarely enough to cost no time."""

    MIN_SECONDS = 0.1
    """Seconds between two calls of `on_progress`."""

    def __init__(self, listener: TrainingListener, history: History):
        self._listener = listener
        self._history = history
        self._called_at = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        if trainer.should_stop:
            return  # the run to resume has stopped early
        images = module.train_batches.image_count
        self._listener.on_start(trainer.max_epochs or 0, trainer.current_epoch, images)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if time.monotonic() - self._called_at >= self.MIN_SECONDS:
            assert isinstance(module, TrainingModule)
            images = module.train_batches.images_in(batch_idx + 1)
            self._listener.on_progress(trainer.current_epoch + 1, images, float(outputs["loss"]))
            self._called_at = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._history.includes_current_epoch(trainer):
            metrics = self._history.epochs[-1]
            self._listener.on_epoch(metrics, is_best=metrics is self._history.best)
