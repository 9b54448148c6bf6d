"""Warnings about a training that cannot learn, before it starts, and about one that did not, each with a remedy."""

import math
from collections.abc import Callable

import pytorch_lightning as pl

from aecli.training.callbacks import History
from aecli.training.learning_checks import diverged_after, warning_after, warnings_before
from aecli.training.module import TrainingModule
from aecli.training.reference_losses import reference_losses
from aecli.training.request import TrainingRequest

DIVERGED_EPOCHS, DIVERGED_SHARE = 5, 0.1
"""While a run goes on, it has diverged if the losses are high in this many epochs and in this share of all epochs."""
DIVERGED_LAST_EPOCHS = 3
"""At its end, a run has diverged if the losses are high in this many epochs at least, and in 5% of all epochs."""


class LearningWarnings(pl.Callback):
    """Measures the reference losses before the first step, and warns before, during and after a training."""

    def __init__(self, request: TrainingRequest, history: History, warn: Callable[[str], None] | None = None):
        self._request = request
        self._history = history
        self._warn = warn or (lambda text: None)
        self._has_warned_of_divergence = False

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        if trainer.should_stop or not trainer.is_global_zero:
            return
        history, request = self._history, self._request
        if not history.references:  # those of a resumed run are in its state, except in states of 0.1
            history.references = reference_losses(module, request, is_initial=not history.epochs)
        if not history.epochs:
            steps = module.train_batches.batch_count
            for text in warnings_before(request.recipe, len(request.images), len(request.validation), steps):
                self._warn(text)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        window = max(DIVERGED_EPOCHS, math.ceil(DIVERGED_SHARE * self._request.recipe.training.epochs))
        if len(self._history.epochs) % window == 0:  # a look at all epochs takes time
            self._warn_of_divergence(window)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        history = self._history
        if not (history.best and history.has_new_epoch):
            return
        self._warn_of_divergence(max(DIVERGED_LAST_EPOCHS, math.ceil(DIVERGED_SHARE / 2 * len(history.epochs))))
        recipe, references = self._request.recipe, history.references
        found = warning_after(recipe, history.epochs, references, len(self._request.images))
        if found:
            self._warn(found)

    def _warn_of_divergence(self, window: int) -> None:
        best = diverged_after(self._history.epochs, self._history.references, window)
        if best and not self._has_warned_of_divergence:
            self._has_warned_of_divergence = True
            self._warn(
                f"training diverged after epoch {best:,}: the model is that of epoch {best:,}; try "
                f"--lr {self._request.recipe.optimizer.lr / 10:g}"
            )
