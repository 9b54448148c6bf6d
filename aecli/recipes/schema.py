"""The dataclasses of a recipe, which defines a training run.

A recipe does not name the images' location, the machine or the output folder. The same recipe, images and machine
give the same bytes.
"""

import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Literal

from aecli.errors import RecipeError, UsageError, unknown
from aecli.recipes.keys import key
from aecli.storage.schema import matches, shown, type_name

Native = Literal["native"]
Measured = Literal["measured"]
Auto = Literal["auto"]
AnySize = Literal["any"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]
Task = Literal["autoencoder", "classifier", "features"]
FEATURES = "features"
"""The architecture that encodes features of a pretrained network, and decodes to features."""
MAX_SIDE = 10_000
"""Pixels: a square image of this size has as many pixels as an image file may have."""
MAX_SEED = 2**32 - 1
MAX_RATES = 32
ANY_SIZE_ARCHITECTURE = "codec"
"""The architecture that encodes images of any size."""


def parse_image_size(text: str) -> Any:
    """Parse `64`, `96x64` (width x height) or `native`; return the value of the recipe key.

    Raises:
        UsageError: the text is not a size.
    """
    if text in {"native", "any"}:
        return text
    if not (match := re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", text.strip())):
        raise UsageError(f"not an image size: {text}", hint="for example --image-size 64, or 96x64 for width x height")
    return [int(match[2]), int(match[1])] if match[2] else int(match[1])


def parse_batch_size(text: str) -> Any:
    """Parse a number of images or `auto`; return the value of the recipe key.

    Raises:
        UsageError: the text is neither.
    """
    return _number_or_auto(text, "a batch size", "--batch-size 16")


def parse_overlap(text: str) -> Any:
    """Parse a number of pixels or `auto`; return the value of the recipe key.

    Raises:
        UsageError: the text is neither.
    """
    return _number_or_auto(text, "an overlap of tiles", "--overlap 32")


def _number_or_auto(text: str, what: str, example: str) -> int | str:
    if text != "auto" and not text.strip().lstrip("+-").isdecimal():
        raise UsageError(f"not {what}: {text}", hint=f"for example {example}, or auto")
    return text if text == "auto" else int(text)


@dataclass(frozen=True)
class ModelRecipe:
    """The network and the shape and normalization of its images."""

    architecture: str = key("conv", "Name of the network; `aecli train --help` lists all.")
    image_size: Native | AnySize | int | list[int] = key(
        "native",
        "Size in pixels to which images are resized: 64 for a square, or 96x64 (width x height) as an option and "
        "[64, 96] (height, width) in a recipe. `any`, for architecture `codec`, resizes none; if they differ in size, "
        "it is trained on tiles of 256x256 pixels.",
        at_least=1,
        at_most=MAX_SIDE,
        flag="--image-size",
        metavar="SIDE|WIDTHxHEIGHT",
        parser=parse_image_size,
    )
    resize: Literal["stretch", "crop", "pad"] = key(
        "stretch",
        "How an image of another aspect ratio is resized: `stretch` changes the ratio, `crop` cuts off what does not "
        "fit, `pad` adds black bars.",
    )
    tile: int = key(
        0,
        "Cut images in their own size into square tiles of this many pixels, which are then the images of the model, "
        "also in calibrate and detect; 0 uses whole images. `image_size` is then that of a tile, by default `tile`.",
        at_least=0,
        at_most=MAX_SIDE,
        flag="--tile",
        metavar="SIDE",
    )
    overlap: Auto | int = key(
        "auto",
        "Pixels by which neighboring tiles overlap; `auto` is an eighth of the tile.",
        at_least=0,
        flag="--overlap",
        metavar="N|auto",
        parser=parse_overlap,
    )
    channels: Native | Literal[1, 3] = key("native", "1 for grayscale, 3 for color.")
    mean: Measured | list[float] = key(
        "measured",
        "Mean per channel of pixels in 0..1, subtracted before the encoder. `measured` computes it on the training "
        "images; for architecture `features` it is 0.",
    )
    std: Measured | list[float] = key(
        "measured",
        "Standard deviation per channel of pixels in 0..1, by which the encoder's input is divided. `measured` "
        "computes it on the training images; for architecture `features` it is 1.",
        above=0,
    )
    white: Measured | float = key(
        "measured",
        "Value that becomes 255 in images of more than 8 bits, such as 4095. `measured` chooses it from the training "
        "images: the largest number of 8, 10, 12, 14, 16 or more bits that they need, or 1 for floats in 0..1.",
    )
    black: Measured | float = key(
        "measured",
        "Value that becomes 0 in images of more than 8 bits. `measured` is -1 for floats in -1..1, or else 0.",
    )
    arguments: dict[str, Any] = key(
        {}, "Arguments of the architecture. An argument that is left out has the architecture's default."
    )

    @property
    def image_shape(self) -> tuple[int | None, int | None, int | None]:
        """(C, H, W) to which images are converted; None keeps the images' own."""
        channels = None if self.channels == "native" else self.channels
        if isinstance(self.image_size, list):
            return channels, self.image_size[0], self.image_size[-1]
        side = self.image_size if isinstance(self.image_size, int) else self.tile or None
        return channels, side, side

    @property
    def tile_overlap(self) -> int:
        """Pixels by which neighboring tiles overlap."""
        return self.tile // 8 if self.overlap == "auto" else self.overlap


@dataclass(frozen=True)
class CorruptionRecipe:
    """Random changes to the normalized input during training, drawn anew for each image."""

    rotation: float = key(
        0.0, "Largest rotation about the image's center, in degrees, in either direction.", at_least=0, at_most=180
    )
    scale: float = key(
        0.0,
        "Width and height are each multiplied by a random factor from 1 - scale to 1 + scale.",
        at_least=0,
        below=1,
    )
    shear: float = key(0.0, "Largest shear, in degrees, in either direction.", at_least=0, below=90)
    translation: float = key(
        0.0,
        "Largest shift, as a fraction of the image's width and height. Uncovered pixels are black.",
        at_least=0,
        at_most=1,
    )
    elastic: float = key(
        0.0,
        "Standard deviation of smooth random displacements, as a fraction of the image's width and height. Uncovered "
        "pixels are black.",
        at_least=0,
        at_most=1,
    )
    elastic_grid: int = key(
        4,
        "Displacements are drawn at this number of points along each side of the image, and interpolated in between: "
        "more points bend finer details.",
        at_least=2,
        at_most=64,
    )
    blocks: int = key(0, "Number of black rectangles in each image; they may overlap.", at_least=0)
    block_area: float = key(
        0.1,
        "Fraction of the image that each of the `blocks` covers; it has the image's proportions.",
        above=0,
        at_most=1,
    )
    dropout: float = key(0.0, "Probability that a pixel turns black.", at_least=0, below=1)
    gaussian: float = key(
        0.0, "Standard deviation of the Gaussian noise that is added to the normalized pixels.", at_least=0
    )
    target: Literal["clean", "corrupted"] = key(
        "clean", "The image that the model reconstructs: `clean` before corruption, `corrupted` after it."
    )

    @property
    def affine(self) -> bool:
        """Whether any affine transform is enabled."""
        return any((self.rotation, self.scale, self.shear, self.translation))

    @property
    def warps(self) -> bool:
        """Whether any affine or elastic warp is enabled."""
        return self.affine or self.elastic > 0


@dataclass(frozen=True)
class PenaltyRecipe:
    """Penalties added to the loss: on the distance of the code from a target, and on the bits of the rounded code.

    The first is sparsity_weight * |code - sparsity_target|, reduced. With rate weights, each image of a batch gets one
    of them, b, at random, and its loss is (distortion + b * bits per pixel) / b^rate_balance.
    """

    sparsity_weight: float = key(
        0.0, "Weight beta of the L1 distance of the code from `sparsity_target`; 0 turns the penalty off.", at_least=0
    )
    sparsity_target: float = key(0.05, "Target value s of each code unit.")
    reduction: Literal["mean", "sum"] = key(
        "mean", "Reduction over the units of an image's code. The batch is always averaged."
    )
    rate_weights: list[float] = key(
        [],
        "Weights of the bits per pixel of the rounded code, one for each rate of a codec, from the least weight, which "
        "needs the most bytes; empty trains no codec.",
        above=0,
    )
    rate_balance: float = key(
        0.75, "Exponent that balances the rates: the loss of each image is divided by weight^rate_balance.", at_least=0
    )
    rate_prior: Literal["static", "causal"] = key(
        "causal",
        "Probabilities for entropy coding, fitted after training: `causal` predicts each position of a code from those "
        "above and to the left; `static` has one table for each channel, or for each unit of codes of one size.",
    )
    rate_prior_steps: int = key(3000, "Training steps of the `causal` prior.", at_least=1)


@dataclass(frozen=True)
class ObjectiveRecipe:
    """The loss that training minimizes, apart from the penalty."""

    loss: Literal["mse", "l1", "huber", "cross-entropy"] = key(
        "mse",
        "Reconstruction loss, averaged over pixels and batch, in normalized units; or `cross-entropy` in nats, "
        "averaged over the batch, which trains a classifier.",
    )


@dataclass(frozen=True)
class OptimizerRecipe:
    """The optimizer and its learning rate schedule."""

    name: Literal["sgd", "adam", "adamw"] = key("sgd", "Optimizer; its other parameters have torch's defaults.")
    lr: float = key(0.01, "Learning rate; the peak of the `one-cycle` schedule.", above=0, flag="--lr", metavar="RATE")
    momentum: float = key(0.99, "Momentum of SGD; the first beta of Adam and AdamW.", at_least=0, below=1)
    max_gradient_norm: float = key(
        0.0,
        "The gradient of all weights is scaled down to this L2 norm where it is larger; 0 never scales.",
        at_least=0,
    )
    weight_decay: float = key(0.0, "L2 penalty on the weights; for AdamW, decoupled from the gradient.", at_least=0)
    schedule: Literal["constant", "cosine", "one-cycle"] = key(
        "constant", "Learning rate schedule over the whole run, updated at every step."
    )


@dataclass(frozen=True)
class TrainingRecipe:
    """Length of the training, batches, seed and precision."""

    epochs: int = key(150, "Number of training epochs.", at_least=1, flag="--epochs", metavar="N")
    steps: int = key(
        0,
        "Train for this many optimizer steps, rounded up to whole epochs; 0 trains for `epochs` epochs.",
        at_least=0,
        flag="--steps",
        metavar="N",
    )
    patience: int = key(
        0,
        "Stop after this many epochs without a smaller validation loss; 0 trains for all epochs.",
        at_least=0,
        flag="--patience",
        metavar="N",
    )
    crop: int = key(
        0,
        "Train on random square crops of this many pixels, for architecture `codec`; 0 trains on whole images.",
        at_least=0,
        at_most=MAX_SIDE,
    )
    batch_size: Auto | int = key(
        "auto",
        "Images in one optimizer step, over all devices. `auto` is the power of two below a sixteenth of the images, "
        "from 8 to 128, so that an epoch has enough steps.",
        at_least=1,
        flag="--batch-size",
        metavar="N|auto",
        parser=parse_batch_size,
    )
    seed: int = key(
        0,
        "Random seed for the weights, the order of images, corruption, the validation split and `limit_per_class`.",
        at_least=0,
        at_most=MAX_SEED,
        flag="--seed",
        metavar="N",
    )
    validation_fraction: float = key(
        0.1, "Fraction of the training images to validate on if there is no --val and no val split.", above=0, below=1
    )
    limit_per_class: int = key(
        0,
        "Train on this many labeled images of each class, drawn by the seed; 0 uses all images.",
        at_least=0,
        flag="--limit-per-class",
        metavar="N",
    )
    freeze_encoder: bool = key(
        False, "Train only the last layer of a classifier; its encoder keeps its weights.", flag="--freeze-encoder"
    )
    precision: Precision = key(
        "32-true",
        "Lightning's precision: `bf16-mixed` on CPUs and GPUs with bfloat16 instructions, `16-mixed` on GPUs.",
        flag="--precision",
    )

    @property
    def images_per_step(self) -> int:
        """The batch size of a recipe that is completed from the images."""
        assert isinstance(self.batch_size, int), "the recipe is not resolved"
        return self.batch_size


@dataclass(frozen=True)
class Recipe:
    """Everything that defines a training run."""

    model: ModelRecipe = field(default_factory=ModelRecipe)
    corruption: CorruptionRecipe = field(default_factory=CorruptionRecipe)
    penalty: PenaltyRecipe = field(default_factory=PenaltyRecipe)
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)

    @property
    def task(self) -> Task:
        """The kind of model: a classifier is the encoder of an architecture and one linear layer."""
        if self.model.architecture == FEATURES:
            return "features"
        return "classifier" if self.objective.loss == "cross-entropy" else "autoencoder"

    @property
    def has_priors_of_units(self) -> bool:
        """Whether each unit of a codec's codes, which have one size, has a distribution of its own."""
        return self.penalty.rate_prior == "static" and self.model.architecture != ANY_SIZE_ARCHITECTURE

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the sections as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, sections: Mapping[str, Any], origin: str = "recipe") -> "Recipe":
        """Build a recipe from sections of plain values; errors name `origin`.

        Raises:
            RecipeError: a section or key is unknown, or a value has the wrong type or is out of range.
        """
        section_types = {section.name: section.type for section in fields(cls)}
        built = {}
        for name, values in sections.items():
            if name not in section_types:
                raise RecipeError(f"{origin}: {_unknown_key(name)}")
            if not isinstance(values, Mapping):
                raise RecipeError(f"{origin}: '{name}' is a section", hint=f"write [{name}] and its keys below it")
            built[name] = _build_section(section_types[name], name, values, origin)
        recipe = cls(**built)
        _check_values(recipe, origin)
        return recipe

    def with_settings(self, settings: Mapping[str, Any], origin: str = "--set") -> "Recipe":
        """Return the recipe with `{"section.key": value}` changed.

        A change of `model.architecture` drops the arguments of the previous architecture; those among the settings
        apply to the new one. A change of `training.epochs` replaces a length in steps.

        Raises:
            UsageError: a key is unknown or a value is invalid.
        """
        sections = self.to_dict()
        if settings.get("model.architecture", self.model.architecture) != self.model.architecture:
            sections["model"]["arguments"] = {}
        if "training.epochs" in settings:
            if settings.get("training.steps"):
                raise UsageError(
                    f"{origin}: training.epochs and training.steps are mutually exclusive",
                    hint="give the length either in epochs, such as --epochs 50, or in steps, such as --steps 1000",
                )
            sections["training"]["steps"] = 0
        try:
            for path, value in settings.items():
                section, _, name = path.partition(".")
                if section not in sections or not name:
                    raise RecipeError(f"{origin}: {_unknown_key(path)}")
                table, _, argument = name.partition(".")
                if argument and table == "arguments":
                    arguments = sections[section].setdefault("arguments", {})
                    if isinstance(arguments, dict):  # anything else is refused below
                        arguments[argument] = value
                else:
                    sections[section][name] = value
            return Recipe.from_dict(sections, origin)
        except RecipeError as error:  # the command line is wrong, not a file
            raise UsageError(error.message, hint=error.hint or "aecli train --help") from error

    def differences(self, other: "Recipe") -> list[str]:
        """Return the keys, as `section.key`, whose values differ."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [f"{name}.{key}" for name in mine for key in mine[name] if mine[name][key] != theirs[name].get(key)]

    def with_model(self, **changes: Any) -> "Recipe":
        """Return the recipe with keys of `[model]` changed."""
        return replace(self, model=replace(self.model, **changes))


def recipe_keys() -> dict[str, "Field[Any]"]:
    """Return the dataclass field of each key, by `section.key`; its metadata is described in `keys.key`."""
    return {
        f"{section.name}.{entry.name}": entry
        for section in fields(Recipe)
        for entry in fields(section.type)  # type: ignore[arg-type]
    }


def _unknown_key(name: str) -> str:
    names = list(recipe_keys())
    by_last_part = [other for other in names if other.endswith(f".{name.rsplit('.', maxsplit=1)[-1]}")]
    if len(by_last_part) == 1:
        return f"unknown key '{name}' (did you mean '{by_last_part[0]}'?)"
    return unknown("key", name, names)


def _build_section(section: Any, name: str, values: Mapping[str, Any], origin: str) -> Any:
    types: dict[str, Any] = {entry.name: entry.type for entry in fields(section)}
    for entry, value in values.items():
        if entry not in types:
            raise RecipeError(f"{origin}: {_unknown_key(f'{name}.{entry}')}")
        if not matches(value, types[entry]):
            raise RecipeError(f"{origin}: {name}.{entry} must be {type_name(types[entry])}, not {shown(value)}")
    return section(**{entry: float(value) if types[entry] is float else value for entry, value in values.items()})


def _check_values(recipe: Recipe, origin: str) -> None:
    """Check each key's range, then the keys whose valid values are not one range or depend on other keys."""
    sections = recipe.to_dict()
    for path, entry in recipe_keys().items():
        section, _, name = path.partition(".")
        value, valid = sections[section][name], entry.metadata.get("range")
        if valid is not None and value not in valid:
            raise RecipeError(f"{origin}: {path} must be {valid}, not {value!r}")
    size, is_classifier = recipe.model.image_size, recipe.task == "classifier"
    if recipe.model.overlap != "auto" and not recipe.model.tile:
        raise RecipeError(f"{origin}: model.overlap needs model.tile, such as 256", hint="add --tile 256")
    if recipe.model.tile and recipe.model.tile_overlap >= recipe.model.tile:
        raise RecipeError(
            f"{origin}: model.overlap must be smaller than model.tile {recipe.model.tile}, not {recipe.model.overlap}",
            hint="--set model.overlap=auto",
        )
    if recipe.model.tile and is_classifier:
        raise RecipeError(f"{origin}: a classifier takes whole images, not tiles", hint="leave out model.tile")
    black, white = recipe.model.black, recipe.model.white
    if black != "measured" and white == "measured":
        raise RecipeError(f"{origin}: model.black needs model.white, such as 4095")
    if white != "measured" and white <= (0 if black == "measured" else black):
        raise RecipeError(f"{origin}: model.white must be greater than model.black, not {white!r}")
    _check_rates(recipe, origin)
    if isinstance(size, list) and len(size) != 2:
        raise RecipeError(f"{origin}: model.image_size must be one number or [height, width], not {size!r}")
    if is_classifier and recipe.corruption.target != "clean":
        raise RecipeError(f"{origin}: corruption.target must be 'clean' for a classifier")
    if recipe.task == "features" and recipe.objective.loss == "cross-entropy":
        raise RecipeError(
            f"{origin}: a classifier cannot have architecture features",
            hint="start a resnet classifier from pretrained weights: --recipe resnet --init-from WEIGHTS",
        )
    if recipe.training.freeze_encoder and not is_classifier:
        raise RecipeError(
            f"{origin}: training.freeze_encoder must be false unless objective.loss is 'cross-entropy'",
            hint="--recipe conv-classifier, or --set objective.loss=cross-entropy",
        )


def _check_rates(recipe: Recipe, origin: str) -> None:
    """Check the keys of a codec."""
    weights = recipe.penalty.rate_weights
    if weights and recipe.task != "autoencoder":
        raise RecipeError(f"{origin}: penalty.rate_weights applies to autoencoders, not to a model of {recipe.task}")
    if weights != sorted(set(weights)) or len(weights) > MAX_RATES:
        raise RecipeError(
            f"{origin}: penalty.rate_weights must be at most {MAX_RATES} different numbers in increasing order"
        )
    is_any = recipe.model.architecture == ANY_SIZE_ARCHITECTURE
    if (recipe.model.image_size == "any" or recipe.training.crop) and not is_any:
        key = "training.crop" if recipe.training.crop else "model.image_size any"
        raise RecipeError(
            f"{origin}: {key} needs an architecture for images of any size",
            hint=f"--set model.architecture={ANY_SIZE_ARCHITECTURE}",
        )
