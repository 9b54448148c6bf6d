"""All that a checkpoint says besides its weights."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from aecli.codes.quantizer import Quantizer
from aecli.recipes.schema import Recipe, Task
from aecli.storage.header import Header
from aecli.storage.schema import FORMERLY


@dataclass(frozen=True)
class DataSource:
    """Where images came from."""

    word: str
    fingerprint: str
    images: int


@dataclass(frozen=True)
class TrainingSummary:
    """How the weights came about; no clock time, so that the same run gives the same bytes."""

    epochs: int
    """Epochs done."""
    best_epoch: int
    """The epoch, from 1, with the least validation loss; the weights are those after it."""
    train_loss: float
    """In that epoch, over all its images."""
    val_loss: float
    val_mse: float | None = None
    """Of the clean validation images with the saved weights, per pixel in normalized units; of an autoencoder."""
    val_accuracy: float | None = None
    """The part of the validation images that a classifier is right about, in the best epoch."""


@dataclass(frozen=True)
class ResidualQuantiles:
    """The distribution of `residual_l2` over the validation images; both lists are empty for a classifier."""

    probabilities: list[float]
    values: list[float]
    """In normalized units, one for each probability."""


@dataclass(frozen=True)
class CheckpointHeader(Header):
    """All that a checkpoint says besides its weights."""

    KIND: ClassVar[str] = "checkpoint"
    FORMAT: ClassVar[int] = 1

    architecture: str
    arguments: dict[str, Any]
    image_shape: tuple[int, int, int]
    """(C, H, W)"""
    code_shape: tuple[int, ...]
    mean: list[float]
    std: list[float]
    """Per channel, of pixels in 0..1."""
    parameters: int
    recipe: dict[str, dict[str, Any]]
    data: DataSource
    validation: DataSource
    training: TrainingSummary
    residual_quantiles: ResidualQuantiles
    quantizers: list[Quantizer] = field(default_factory=list, metadata={FORMERLY: "quantisers"})
    """For codes of few bits, chosen on codes of training images."""
    class_names: list[str] = field(default_factory=list)
    """Of the training images; for a classifier, of its outputs in their order."""
    task: Task = "autoencoder"
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def check_ranges(self) -> None:
        """See that the values fit one another, and that the recipe is one.

        Raises:
            ValueError: they do not.
            RecipeError: it is none.
        """
        channels, quantiles = self.image_shape[0], self.residual_quantiles
        classifies = self.task == "classifier"
        checks = {
            f"image shape {self.image_shape}": channels in {1, 3} and min(self.image_shape) >= 1,
            f"code shape {self.code_shape}": len(self.code_shape) > 0 and min(self.code_shape, default=0) >= 1,
            f"mean {self.mean}": len(self.mean) == channels,
            f"std {self.std}": len(self.std) == channels and min(self.std, default=0) > 0,
            "quantizers": all(
                [len(known.offset)] == [len(known.step)] == [*self.code_shape[:1]] and min(known.step) > 0
                for known in self.quantizers
            ),
            "residual quantiles": len(quantiles.values) == len(quantiles.probabilities)
            and bool(quantiles.values) != classifies,
            "class names": not classifies or len(set(self.class_names)) == len(self.class_names) > 1,
        }
        for what, fits in checks.items():
            if not fits:
                raise ValueError(what)
        Recipe.from_dict(self.recipe)

    def summary(self) -> dict[str, Any]:
        """Return what a person asks of a model first, as plain values."""
        return {
            "task": self.task,
            "architecture": self.architecture,
            "parameters": self.parameters,
            "image_shape": list(self.image_shape),
            "code_shape": list(self.code_shape),
            "data": asdict(self.data),
            "validation": asdict(self.validation),
            "training": asdict(self.training),
        }
