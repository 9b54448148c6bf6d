"""The training step of a classifier, with accuracy over whole epochs."""

from torch import Tensor
from torch.nn import functional as F

from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.models.losses import penalty
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.batches import Batch, Batches
from aecli.training.module import TrainingModule
from aecli.training.seeds import Stream


class ClassifierModule(TrainingModule):
    """Trains a classifier on corrupted images and validates it on clean ones.

    Accuracy is the fraction of all images of an epoch that are classified correctly, not the mean over batches.
    """

    model: Classifier
    METRICS = ("loss", "accuracy")

    def __init__(
        self, model: Classifier, recipe: Recipe, train: Batches, validation: Batches, process: Process = SINGLE_PROCESS
    ):
        super().__init__(recipe, train, validation, process)
        self.model = model
        model.encoder.requires_grad_(not recipe.training.freeze_encoder)

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        if self.recipe.training.freeze_encoder:
            self.model.encoder.eval()  # also freezes running statistics

    def _loss(self, batch: Batch, stage: str, stream: Stream) -> Tensor:
        images, labels = batch
        x = self.model.normalize(images)
        if stage == "train":
            x = corrupt(x, self.recipe.corruption, self.model.black, self._generators[stream])
        code, logits = self.model(x)
        correct = (logits.detach().argmax(dim=1) == labels).sum()
        loss = F.cross_entropy(logits.float(), labels) + penalty(code, self.recipe.penalty)
        self._add_to_sums(stage, len(images), loss, accuracy=correct)
        return loss
