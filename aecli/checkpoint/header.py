"""The metadata of a checkpoint: everything but the weights."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from aecli.codes.quantizer import Quantizer
from aecli.recipes.schema import Recipe, Task
from aecli.recipes.sections import FEATURES
from aecli.runtime.counting import counted
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.header import Header
from aecli.storage.schema import FORMERLY


@dataclass(frozen=True)
class DataSource:
    """The data set that images came from."""

    word: str
    """The DATA word."""
    fingerprint: str
    images: int

    @property
    def title(self) -> str:
        """The number of images and the DATA word, such as `1,294 images of digits:train`."""
        return f"{counted(self.images, 'image')} of {self.word}"

    @property
    def description(self) -> str:
        """The title and the start of the fingerprint."""
        return f"{self.title} ({short_fingerprint(self.fingerprint)})"


@dataclass(frozen=True)
class TrainingSummary:
    """The outcome of the training; without times of day, so that equal runs give equal bytes."""

    epochs: int
    """Number of completed epochs."""
    best_epoch: int
    """The epoch, counted from 1, with the lowest validation loss; the weights are those at its end."""
    train_loss: float
    """Mean over all training images in the best epoch."""
    val_loss: float
    val_mse: float | None = None
    """Of an autoencoder: mean squared error of uncorrupted validation images, per pixel in normalized units."""
    val_accuracy: float | None = None
    """Of a classifier: accuracy on the validation images in the best epoch, in 0..1."""
    references: dict[str, float] = field(default_factory=dict)
    """Validation losses to compare `val_loss` with, such as that of the mean image; `reference_losses` lists them.
    Empty in older files."""

    @property
    def references_text(self) -> str:
        """The validation losses to compare with, such as `mean image 0.9871, untrained network 1.2345`."""
        return ", ".join(f"{name.replace('_', ' ')} {loss:.4f}" for name, loss in self.references.items())


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of an anomaly score over the validation images."""

    probabilities: list[float]
    values: list[float]
    """One for each probability, in the units of the score."""


@dataclass(frozen=True)
class NormalMaps:
    """What the maps of normal images look like, in the units of the maps: the color scale of heatmaps starts there."""

    median: float
    high: float
    """99% of all values are smaller."""
    highest: float
    """The largest value of a map is smaller in 99% of the images."""

    def check_ranges(self) -> None:
        """Raise ValueError if the values do not increase."""
        if not self.median <= self.high <= self.highest:
            raise ValueError(f"maps of normal images {self.median}, {self.high}, {self.highest}")


@dataclass(frozen=True)
class CheckpointHeader(Header):
    """The metadata of a checkpoint: everything but the weights."""

    KIND: ClassVar[str] = "checkpoint"
    HINT: ClassVar[str | None] = "name a run folder or its model.safetensors with --model"
    FORMAT: ClassVar[int] = 2
    """2 since the file holds the memory of the training images."""

    architecture: str
    arguments: dict[str, Any]
    image_shape: tuple[int, int, int]
    """(C, H, W)"""
    code_shape: tuple[int, ...]
    mean: list[float]
    std: list[float]
    """Standard deviation of each channel, like `mean` for pixels scaled to 0..1."""
    parameters: int
    recipe: dict[str, dict[str, Any]]
    data: DataSource
    validation: DataSource
    training: TrainingSummary
    residual_quantiles: Quantiles
    """Quantiles of `residual_l2`, in normalized units; both lists are empty for a classifier."""
    quantizers: list[Quantizer] = field(default_factory=list, metadata={FORMERLY: "quantisers"})
    """Quantizers for codes of 8 bits or fewer, fitted to the codes of training images."""
    class_names: list[str] = field(default_factory=list)
    """Classes of the training images; for a classifier, in the order of its outputs."""
    native_shape: tuple[int, int, int] | None = None
    """The training images' own shape: the most frequent C, the medians of H and W; None if it is unknown."""
    default_score: str = "residual"
    """The anomaly score to use without a detector."""
    score_quantiles: Quantiles | None = None
    """Quantiles of `default_score`; None if it is the residual."""
    normal_maps: NormalMaps | None = None
    """The maps of `default_score` of the validation images; None if it has no maps."""
    rate_weights: list[float] = field(default_factory=list)
    """The weights of the rates of a codec; empty for other models."""
    rate_psnr: list[float] = field(default_factory=list)
    """Of a codec: peak signal-to-noise ratio in dB of the validation images at each rate."""
    rate_least_psnr: list[float] = field(default_factory=list)
    """Of a codec: the PSNR in dB that 99% of the validation images reach at each rate; empty in older files."""
    trained_images: list[int] = field(default_factory=list)
    """The `counts` of the memory of the training images; empty in a file of 0.1, which has none."""
    task: Task = "autoencoder"
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def check_ranges(self) -> None:
        """Check that the values are consistent with each other and that the recipe is valid.

        Raises:
            ValueError: a value is inconsistent.
            RecipeError: the recipe is invalid.
        """
        channels, quantiles = self.image_shape[0], self.residual_quantiles
        is_classifier = self.task == "classifier"
        checks = {
            f"task {self.task}": (self.task == "features") == (self.architecture == FEATURES),
            f"image shape {self.image_shape}": channels in {1, 3} and min(self.image_shape) >= 1,
            f"code shape {self.code_shape}": min(self.code_shape, default=0) >= 1
            and (self.task != "features" or len(self.code_shape) == 3),
            f"mean {self.mean}": len(self.mean) == channels,
            f"std {self.std}": len(self.std) == channels and min(self.std, default=0) > 0,
            "quantizers": all(
                [len(quantizer.offset)] == [len(quantizer.step)] == [*self.code_shape[:1]] and min(quantizer.step) > 0
                for quantizer in self.quantizers
            ),
            "residual quantiles": len(quantiles.values) == len(quantiles.probabilities)
            and bool(quantiles.values) != is_classifier,
            "score quantiles": self.score_quantiles is None
            or len(self.score_quantiles.values) == len(self.score_quantiles.probabilities) > 0,
            f"rates {self.rate_weights}": {len(self.rate_psnr), len(self.rate_least_psnr)}
            <= {0, len(self.rate_weights)}
            and min(self.rate_weights, default=1) > 0,
            "class names": not is_classifier or len(set(self.class_names)) == len(self.class_names) > 1,
        }
        for what, is_valid in checks.items():
            if not is_valid:
                raise ValueError(what)
        if self.normal_maps is not None:
            self.normal_maps.check_ranges()
        Recipe.from_dict(self.recipe)

    @property
    def is_codec(self) -> bool:
        """Whether the model was trained to compress images."""
        return bool(self.rate_weights)

    @property
    def has_priors_of_units(self) -> bool:
        """Whether each unit of a codec's codes has a distribution of its own."""
        return Recipe.from_dict(self.recipe).has_priors_of_units

    def summary(self) -> dict[str, Any]:
        """Return the most important fields as plain values."""
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
