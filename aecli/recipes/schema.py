"""Everything that defines a training run, as dataclasses and as TOML files that a person edits.

A recipe says *what* is trained: nothing of the images' place, the machine or the output is in it. The same recipe,
images and machine give the same bytes.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_type_hints

import tomli_w

from aecli.errors import RecipeError, UsageError, unknown
from aecli.storage.atomic import write_text
from aecli.storage.paths import require_file
from aecli.storage.schema import matches, shown, type_name

Native = Literal["native"]
Measured = Literal["measured"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]
Task = Literal["autoencoder", "classifier"]
MOST_SIDE = 10_000
"""Pixels: then a picture has as many as one that is read may have."""


@dataclass(frozen=True)
class ModelRecipe:
    """The network and the images that it takes."""

    architecture: str = "conv"
    """A file name in `aecli/models/architectures`."""
    image_size: Native | int | list[int] = "native"
    """Pixels: one number for a square, or [height, width]. Pictures of another size are resized."""
    channels: Native | Literal[1, 3] = "native"
    """1 for gray, 3 for color."""
    mean: Measured | list[float] = "measured"
    """Per channel, of pixels in 0..1; subtracted before the encoder. Measured on the training images by default."""
    std: Measured | list[float] = "measured"
    """Per channel, of pixels in 0..1; the subtracted pixels are divided by it."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """The architecture's own arguments; those left out have its defaults."""

    @property
    def image_shape(self) -> tuple[int | None, int | None, int | None]:
        """(C, H, W) that is asked of the images, None for what is left to them."""
        channels = None if self.channels == "native" else self.channels
        if self.image_size == "native":
            return channels, None, None
        if isinstance(self.image_size, int):
            return channels, self.image_size, self.image_size
        return channels, self.image_size[0], self.image_size[-1]


@dataclass(frozen=True)
class CorruptionRecipe:
    """What is done to the normalized input during training, to each image anew; the model is asked for `target`."""

    rotation: float = 0.0
    """Degrees: each image is turned about its center by up to so much, to the left or to the right."""
    scale: float = 0.0
    """Width and height are each multiplied by a random factor from 1 - scale to 1 + scale."""
    shear: float = 0.0
    """Degrees: each image is slanted by up to so much, to the left or to the right."""
    translation: float = 0.0
    """Each image is shifted by up to this fraction of its width and of its height. Black comes in from outside."""
    blocks: int = 0
    """Number of rectangles in each image that turn black; they may overlap."""
    block_area: float = 0.1
    """Fraction of the image that one of the `blocks` covers; it has the image's proportions."""
    dropout: float = 0.0
    """Probability of each pixel to turn black."""
    gaussian: float = 0.0
    """Standard deviation of the normal noise that is added to the normalized pixels."""
    target: Literal["clean", "corrupted"] = "clean"
    """`clean` asks for the image before corruption; `corrupted`, as in the laboratory's code, for the one after it."""

    @property
    def warps(self) -> bool:
        """Whether images are moved at all."""
        return any((self.rotation, self.scale, self.shear, self.translation))


@dataclass(frozen=True)
class PenaltyRecipe:
    """What is added to the objective for the code: sparsity_weight * |code - sparsity_target|, reduced."""

    sparsity_weight: float = 0.0
    """beta, the weight of the L1 distance of the code from `sparsity_target`; 0 turns it off."""
    sparsity_target: float = 0.05
    """s, the value that each unit of the code is drawn to."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the units of one image's code. The batch is always averaged."""


@dataclass(frozen=True)
class ObjectiveRecipe:
    """What is made small, besides the penalty."""

    loss: Literal["mse", "l1", "huber", "cross-entropy"] = "mse"
    """How far a reconstruction is from its target, averaged over pixels and batch, in normalized units; or, for a
    classifier, `cross-entropy` in nats, averaged over the batch."""


@dataclass(frozen=True)
class OptimizerRecipe:
    """The descent."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    """The method; its other parameters have torch's defaults."""
    lr: float = 0.01
    """Learning rate; the peak of the `one-cycle` schedule."""
    momentum: float = 0.99
    """Of SGD; the first beta of Adam and AdamW."""
    weight_decay: float = 0.0
    """L2 penalty on the weights; of AdamW, decoupled from the gradient."""
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    """Learning rate over the whole run, changed at every step."""


@dataclass(frozen=True)
class TrainingRecipe:
    """How long, in what subsets, from which seed."""

    epochs: int = 150
    """Times that every training image is seen."""
    batch_size: int = 1024
    """Images in an optimizer step, of all devices together."""
    seed: int = 0
    """Of the weights, the order of the images, the corruption, the validation split and the draw of
    `limit_per_class`."""
    validation_fraction: float = 0.1
    """Of the training images, held out where no validation images are named."""
    limit_per_class: int = 0
    """Labeled training images of each class, drawn by the seed from those not held out; 0 takes all images."""
    freeze_encoder: bool = False
    """Whether a classifier's encoder keeps the weights that it starts from."""
    precision: Precision = "32-true"
    """Lightning's: `bf16-mixed` where the processor or GPU has bfloat16 products, `16-mixed` on a GPU."""


@dataclass(frozen=True)
class Recipe:
    """All that defines a training run."""

    model: ModelRecipe = field(default_factory=ModelRecipe)
    corruption: CorruptionRecipe = field(default_factory=CorruptionRecipe)
    penalty: PenaltyRecipe = field(default_factory=PenaltyRecipe)
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)

    @property
    def task(self) -> Task:
        """What the model is for: a classifier has the encoder of an architecture and one linear layer."""
        return "classifier" if self.objective.loss == "cross-entropy" else "autoencoder"

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the sections as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, sections: Mapping[str, Any], origin: str = "recipe") -> "Recipe":
        """Build a recipe from sections of plain values; `origin` is named in errors.

        Raises:
            RecipeError: an unknown section or key, a value of the wrong type or out of range.
        """
        known = {section.name: section.type for section in fields(cls)}
        built = {}
        for name, values in sections.items():
            if name not in known:
                raise RecipeError(f"{origin}: {_unknown_key(name)}")
            if not isinstance(values, Mapping):
                raise RecipeError(f"{origin}: '{name}' is a section", hint=f"write [{name}] and its keys below it")
            built[name] = _section(known[name], name, values, origin)  # type: ignore[arg-type]
        recipe = cls(**built)
        _check_ranges(recipe, origin)
        return recipe

    def with_settings(self, settings: Mapping[str, Any], origin: str = "--set") -> "Recipe":
        """Return the recipe with `{"section.key": value}` changed.

        Raises:
            UsageError: a key or a value that a recipe must not have.
        """
        sections = self.to_dict()
        try:
            for key, value in settings.items():
                section, _, rest = key.partition(".")
                if section not in sections or not rest:
                    raise RecipeError(f"{origin}: {_unknown_key(key)}")
                head, _, argument = rest.partition(".")
                if argument and head == "arguments":
                    sections[section].setdefault("arguments", {})[argument] = value
                else:
                    sections[section][rest] = value
            return Recipe.from_dict(sections, origin)
        except RecipeError as error:  # what was typed is wrong, no file
            raise UsageError(error.message, hint=error.hint or "aecli train --help") from error

    def differences(self, other: "Recipe") -> list[str]:
        """Return the keys, as `section.key`, whose values differ."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [f"{name}.{key}" for name in mine for key in mine[name] if mine[name][key] != theirs[name].get(key)]

    def with_model(self, **changes: Any) -> "Recipe":
        """Return the recipe with keys of `[model]` changed."""
        return replace(self, model=replace(self.model, **changes))


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with aecli, sorted."""
    return sorted(entry.name.removesuffix(".toml") for entry in _shipped().iterdir() if entry.name.endswith(".toml"))


def recipe_purpose(name: str) -> str:
    """Return what a shipped recipe is for: its first comment line."""
    text: str = _shipped().joinpath(f"{name}.toml").read_text("utf-8")
    return text.splitlines()[0].lstrip("# ")


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by name, or a TOML file.

    Raises:
        RecipeError: no such recipe, no TOML, or keys or values that a recipe must not have.
        InputError: the file is missing or empty.
    """
    if name_or_path in recipe_names():
        text = _shipped().joinpath(f"{name_or_path}.toml").read_text("utf-8")
    elif name_or_path.endswith(".toml") or "/" in name_or_path:
        try:
            text = require_file(Path(name_or_path), "recipe").read_text("utf-8")
        except UnicodeDecodeError as error:
            raise RecipeError(f"{name_or_path}: not a text file in UTF-8") from error
    else:
        raise RecipeError(unknown("recipe", name_or_path, recipe_names()), hint="or name a file that ends in .toml")
    try:
        sections = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{name_or_path}: not TOML: {error}") from error
    return Recipe.from_dict(sections, name_or_path)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write the recipe as TOML that `load_recipe` reads back to an equal one."""
    write_text(path, "# Resolved by aecli train: runs again as is.\n" + tomli_w.dumps(recipe.to_dict()))


def parse_settings(words: Iterable[str]) -> dict[str, Any]:
    """Parse `section.key=value` words; a value is TOML, or else the string as it stands.

    Raises:
        UsageError: a word without `=`.
    """
    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {word}: not key=value", hint="for example --set optimizer.lr=0.1")
        settings[key.strip()] = _toml_value(value.strip())
    return settings


def _toml_value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return document["value"] if list(document) == ["value"] else text


def _shipped() -> Any:
    return resources.files("aecli") / "recipes"


def _keys() -> list[str]:
    return [f"{section.name}.{key.name}" for section in fields(Recipe) for key in fields(section.type)]  # type: ignore[arg-type]


def _unknown_key(key: str) -> str:
    by_last_part = [known for known in _keys() if known.endswith(f".{key.rsplit('.', maxsplit=1)[-1]}")]
    if len(by_last_part) == 1:
        return f"unknown key '{key}' (did you mean '{by_last_part[0]}'?)"
    return unknown("key", key, _keys())


def _section(section: type, name: str, values: Mapping[str, Any], origin: str) -> Any:
    hints = get_type_hints(section)
    for key, value in values.items():
        if key not in hints:
            raise RecipeError(f"{origin}: {_unknown_key(f'{name}.{key}')}")
        if not matches(value, hints[key]):
            raise RecipeError(f"{origin}: {name}.{key} must be {type_name(hints[key])}, not {shown(value)}")
    floats = {key for key, hint in hints.items() if hint is float}
    return section(**{key: float(value) if key in floats else value for key, value in values.items()})


def _check_ranges(recipe: Recipe, origin: str) -> None:
    size = recipe.model.image_size
    sizes = [] if size == "native" else size if isinstance(size, list) else [size]
    std = [] if recipe.model.std == "measured" else recipe.model.std
    classifies = recipe.task == "classifier"
    checks = {
        "model.image_size": (
            f"a number or [height, width], from 1 to {MOST_SIDE:,}",
            (not isinstance(size, list) or len(size) == 2) and all(1 <= s <= MOST_SIDE for s in sizes),
        ),  # type: ignore[operator]
        "model.std": ("greater than 0", all(value > 0 for value in std)),  # type: ignore[operator]
        "corruption.rotation": ("from 0 to 180", 0 <= recipe.corruption.rotation <= 180),
        "corruption.scale": ("at least 0 and below 1", 0 <= recipe.corruption.scale < 1),
        "corruption.shear": ("at least 0 and below 90", 0 <= recipe.corruption.shear < 90),
        "corruption.translation": ("from 0 to 1", 0 <= recipe.corruption.translation <= 1),
        "corruption.blocks": ("0 or more", recipe.corruption.blocks >= 0),
        "corruption.block_area": ("greater than 0, at most 1", 0 < recipe.corruption.block_area <= 1),
        "corruption.gaussian": ("0 or more", recipe.corruption.gaussian >= 0),
        "corruption.dropout": ("at least 0 and below 1", 0 <= recipe.corruption.dropout < 1),
        "corruption.target": ("'clean' for a classifier", not classifies or recipe.corruption.target == "clean"),
        "penalty.sparsity_weight": ("0 or more", recipe.penalty.sparsity_weight >= 0),
        "optimizer.lr": ("greater than 0", recipe.optimizer.lr > 0),
        "optimizer.momentum": ("at least 0 and below 1", 0 <= recipe.optimizer.momentum < 1),
        "optimizer.weight_decay": ("0 or more", recipe.optimizer.weight_decay >= 0),
        "training.epochs": ("1 or more", recipe.training.epochs >= 1),
        "training.batch_size": ("1 or more", recipe.training.batch_size >= 1),
        "training.seed": ("from 0 to 4294967295", 0 <= recipe.training.seed < 2**32),
        "training.validation_fraction": (
            "greater than 0 and below 1",
            0 < recipe.training.validation_fraction < 1,
        ),
        "training.limit_per_class": ("0 or more", recipe.training.limit_per_class >= 0),
        "training.freeze_encoder": (
            "false where objective.loss is not 'cross-entropy'",
            classifies or not recipe.training.freeze_encoder,
        ),
    }
    for key, (range_in_words, holds) in checks.items():
        if not holds:
            section, name = key.split(".")
            value = getattr(getattr(recipe, section), name)
            raise RecipeError(f"{origin}: {key} must be {range_in_words}, not {value!r}")
