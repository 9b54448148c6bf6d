"""Lightning callbacks that keep the run's history and folder, and report progress."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from aecli.checkpoint.run_folder import EpochMetrics, RunFolder
from aecli.errors import InputError
from aecli.recipes.resuming import require_not_exceeded
from aecli.recipes.schema import Recipe
from aecli.runtime.lightning_internals import CHECKPOINT_KEYS
from aecli.storage.atomic import atomic_write
from aecli.storage.paths import require_file
from aecli.storage.schema import build, matches
from aecli.training.module import TrainingModule


class TrainingListener(Protocol):
    """Follows a run; called a few times a second at most, and after each epoch."""

    def on_warning(self, text: str) -> None:
        """Receive a warning, before training starts, after an epoch or at the end."""

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        """Receive the run's total number of epochs, and the number of epochs before it was resumed."""

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        """Receive the number of images done in `epoch`, counted from 1, and the loss of the last batch."""

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        """Receive the metrics of an epoch; `is_best` if its validation loss is the smallest so far."""


class WholeFileCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoint files atomically, and reads them without unpickling code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        # Never closed: if a signal interrupts torch's writer, the writer aborts the process on a closed buffer.
        content = BytesIO()
        torch.save(checkpoint, content)
        with atomic_write(Path(path)) as file:
            file.write(content.getbuffer())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        require_file(Path(path), "training state")
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"damaged training state: {path}", hint="start again with --overwrite") from error
        if not isinstance(loaded, dict) or not loaded.keys() >= CHECKPOINT_KEYS or "History" not in loaded["callbacks"]:
            raise InputError(f"not a training state of aecli: {path}", hint="start again with --overwrite")
        return loaded


class History(pl.Callback):
    """The losses of all epochs and the weights of the best one; saved in the state that a run resumes from.

    Training stops once the recipe's patience is exhausted, also at the start of a resumed run.
    """

    def __init__(self, recipe: Recipe, fingerprints: dict[str, str]):
        self.recipe = recipe
        self.fingerprints = fingerprints
        self.epochs: list[EpochMetrics] = []
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
    def epochs_since_best(self) -> int:
        """The number of epochs without a smaller validation loss."""
        return self.epochs[-1].epoch - self.best.epoch if self.best else 0

    @property
    def stops_early(self) -> bool:
        """Whether the patience is exhausted and epochs of the recipe are left."""
        training = self.recipe.training
        return 0 < training.patience <= self.epochs_since_best and len(self.epochs) < training.epochs

    def _stop_if_exhausted(self, trainer: pl.Trainer) -> None:
        if self.stops_early:
            trainer.should_stop = True

    def includes_current_epoch(self, trainer: pl.Trainer) -> bool:
        """Return whether the epoch that ends was recorded: its losses are finite."""
        return bool(self.epochs) and self.epochs[-1].epoch == trainer.current_epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {
            "fingerprints": self.fingerprints,
            "epochs": [asdict(metrics) for metrics in self.epochs],
            "best_epoch": self.best.epoch if self.best else 0,
            "best_weights": self.best_weights,
            "references": self.references,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for stage, fingerprint in self.fingerprints.items():
            if state_dict["fingerprints"].get(stage) != fingerprint:
                raise InputError(
                    f"the {stage} images differ from those of the run to resume",
                    hint="resume with the same images, or start again with --overwrite",
                )
        require_not_exceeded(self.recipe, len(state_dict["epochs"]))
        self.epochs = [build(EpochMetrics, row) for row in state_dict["epochs"]]
        self.best = next((row for row in self.epochs if row.epoch == state_dict["best_epoch"]), None)
        self.references = state_dict.get("references", {})  # missing in states of 0.1
        if not matches(self.references, dict[str, float]):
            raise ValueError("reference losses are not finite")
        self.best_weights = state_dict["best_weights"]
        if not all(weight.isfinite().all() for weight in self.best_weights.values()):
            raise ValueError("weights are not finite")


class RunFolderCallback(pl.Callback):
    """Saves the run's state and results after an epoch, at most as often as `MAX_TIME_SHARE` allows."""

    MAX_TIME_SHARE = 0.02
    """Fraction of the time that saving may take."""

    def __init__(self, folder: RunFolder, history: History, save_best: Callable[[], None]):
        self._folder = folder
        self._history = history
        self._save_best = save_best
        self._saved_epochs = 0
        self._saved_at = -float("inf")
        self._seconds = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            self._folder.update_recipe(self._history.recipe)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not self._history.includes_current_epoch(trainer):
            return  # no run resumes from a state that has diverged
        is_due = time.monotonic() - self._saved_at >= max(1.0, self._seconds / self.MAX_TIME_SHARE)
        is_last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if is_last or trainer.strategy.broadcast(is_due):
            self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Write the training state, the losses and the best model."""
        started = time.monotonic()
        trainer.save_checkpoint(self._folder.state, weights_only=False)  # called by all processes, written by rank 0
        if trainer.is_global_zero:
            self.save_results()
        self._saved_at = time.monotonic()
        self._seconds = self._saved_at - started

    def save_results(self) -> None:
        """Write the losses and the best model, unless no epoch has ended since the last time."""
        if len(self._history.epochs) != self._saved_epochs:
            self._folder.save_metrics(self._history.epochs)
            self._save_best()
            self._saved_epochs = len(self._history.epochs)

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        if trainer.is_global_zero and self._history.has_new_epoch:
            self.save_results()


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
