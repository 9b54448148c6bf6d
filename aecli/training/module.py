"""One training step, and losses over whole epochs."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from aecli.errors import InputError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.models.objective import distance, penalty
from aecli.recipe import Recipe
from aecli.training.batches import Batches
from aecli.training.seeds import Stream, generator

STEPS_BETWEEN_CHECKS = 100
"""How often the loss is looked at within an epoch: reading it makes a GPU wait."""


class EpochMean:
    """The mean over all images of an epoch of a loss that comes as means of batches."""

    def __init__(self) -> None:
        self._sum: Tensor | float = 0.0
        self._count = 0

    def add(self, batch_mean: Tensor, images: int) -> None:
        mean = batch_mean.detach()
        if mean.device.type != "mps":  # which has no float64
            mean = mean.double()
        self._sum = self._sum + mean * images
        self._count += images

    def value(self) -> float:
        return float(self._sum) / max(self._count, 1)


class TrainingModule(pl.LightningModule):
    """A model with the corruption, penalty, objective and optimizer of a recipe."""

    model: Autoencoder | Classifier

    def __init__(self, recipe: Recipe, train: Batches, validation: Batches):
        super().__init__()
        self.recipe = recipe
        self.train_batches = train
        self.validation_batches = validation
        self.train_loss = EpochMean()
        self.val_loss = EpochMean()
        self._corruption_stream = generator(0, Stream.CORRUPTION)

    def train_dataloader(self) -> Batches:
        return self.train_batches

    def val_dataloader(self) -> Batches:
        return self.validation_batches

    def on_fit_start(self) -> None:
        self.train_batches.move_to(self.device)
        self.validation_batches.move_to(self.device)

    def on_train_epoch_start(self) -> None:
        self.train_batches.epoch = self.current_epoch
        self.train_loss = EpochMean()
        self._corruption_stream = self._stream(Stream.CORRUPTION, self.current_epoch)

    def on_validation_epoch_start(self) -> None:
        self.val_loss = EpochMean()
        # The same corruption after every epoch, so that the losses can be compared.
        self._validation_stream = self._stream(Stream.VALIDATION_CORRUPTION, 0)

    def epoch_metrics(self) -> dict[str, float]:
        """Return the figures over all images of the epoch that ends."""
        return {"train_loss": self.train_loss.value(), "val_loss": self.val_loss.value()}

    def on_train_epoch_end(self) -> None:
        metrics = self.epoch_metrics()
        self._require_finite(metrics["train_loss"])
        self._require_finite(metrics["val_loss"])
        if self.trainer.loggers:
            self.log_dict(metrics)

    def configure_optimizers(self) -> Any:
        recipe = self.recipe.optimizer
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer: torch.optim.Optimizer
        if recipe.name == "sgd":
            optimizer = torch.optim.SGD(
                parameters, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
            )
        else:
            kind = torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam
            betas = (recipe.momentum, 0.999)
            optimizer = kind(parameters, recipe.lr, betas=betas, weight_decay=recipe.weight_decay, fused=True)
        if recipe.schedule == "constant":
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler: torch.optim.lr_scheduler.LRScheduler
        if recipe.schedule == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        else:
            scheduler = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, max_lr=recipe.lr, total_steps=steps, cycle_momentum=False
            )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _note(self, loss: Tensor, images: int, batch_idx: int) -> None:
        """Add the loss of a training batch to the epoch's, and look at it now and then."""
        self.train_loss.add(loss, images)
        if batch_idx % STEPS_BETWEEN_CHECKS == 0:
            self._require_finite(loss.detach().item())

    def _stream(self, stream: Stream, epoch: int) -> torch.Generator:
        return generator(self.recipe.training.seed, stream, epoch, self.device)

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss} in epoch {self.current_epoch + 1}: the training diverged",
                hint=f"lower the learning rate, such as --lr {self.recipe.optimizer.lr / 10:g}",
            )


class AutoencoderModule(TrainingModule):
    """Asks an autoencoder for the images."""

    model: Autoencoder

    def __init__(self, model: Autoencoder, recipe: Recipe, train: Batches, validation: Batches):
        super().__init__(recipe, train, validation)
        self.model = model

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        loss = self._loss(images, self._corruption_stream)
        self._note(loss, len(images), batch_idx)
        return loss

    def validation_step(self, images: Tensor, batch_idx: int) -> None:
        self.val_loss.add(self._loss(images, self._validation_stream), len(images))

    def _loss(self, images: Tensor, stream: torch.Generator) -> Tensor:
        recipe, model = self.recipe, self.model
        clean = model.normalise(images)
        corrupted = corrupt(clean, recipe.corruption, model.black, stream)
        code, reconstruction = model(corrupted)
        target = clean if recipe.corruption.target == "clean" else corrupted
        return distance(reconstruction, target, recipe.objective) + penalty(code, recipe.penalty)
