"""One training step of a classifier, and accuracy over whole epochs."""

import torch
from torch import Tensor
from torch.nn import functional as F

from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.models.objective import penalty
from aecli.recipe import Recipe
from aecli.training.batches import Batches
from aecli.training.module import TrainingModule

LabelledBatch = tuple[Tensor, Tensor]
"""Images, (B, C, H, W) uint8, and their labels, (B,) int64."""


class EpochAccuracy:
    """The part of all images of an epoch that a model is right about; not the mean of the batches' parts."""

    def __init__(self) -> None:
        self._right: Tensor | int = 0
        self._count = 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        self._right = self._right + (logits.detach().argmax(dim=1) == labels).sum()
        self._count += len(labels)

    def value(self) -> float:
        return int(self._right) / max(self._count, 1)


class ClassifierModule(TrainingModule):
    """Asks a classifier for the labels: of corrupted images in training, of clean ones in validation."""

    model: Classifier

    def __init__(self, model: Classifier, recipe: Recipe, train: Batches, validation: Batches):
        super().__init__(recipe, train, validation)
        self.model = model
        self.train_accuracy = EpochAccuracy()
        self.val_accuracy = EpochAccuracy()
        model.encoder.requires_grad_(not recipe.training.freeze_encoder)

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self.train_accuracy = EpochAccuracy()
        if self.recipe.training.freeze_encoder:
            self.model.encoder.eval()  # running statistics are frozen too

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self.val_accuracy = EpochAccuracy()

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        loss = self._loss(batch, self._corruption_stream, self.train_accuracy)
        self._note(loss, len(batch[0]), batch_idx)
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        self.val_loss.add(self._loss(batch, None, self.val_accuracy), len(batch[0]))

    def epoch_metrics(self) -> dict[str, float]:
        accuracies = {"train_accuracy": self.train_accuracy.value(), "val_accuracy": self.val_accuracy.value()}
        return super().epoch_metrics() | accuracies

    def _loss(self, batch: LabelledBatch, stream: torch.Generator | None, accuracy: EpochAccuracy) -> Tensor:
        images, labels = batch
        x = self.model.normalise(images)
        if stream is not None:
            x = corrupt(x, self.recipe.corruption, self.model.black, stream)
        code, logits = self.model(x)
        accuracy.add(logits, labels)
        return F.cross_entropy(logits.float(), labels) + penalty(code, self.recipe.penalty)
