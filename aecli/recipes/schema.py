"""A recipe, which defines a training run.

A recipe does not name the images' location, the machine or the output folder. The same recipe, images and machine
give the same bytes.
"""

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Literal

from aecli.errors import RecipeError, UsageError, unknown
from aecli.recipes.checks import check_combinations
from aecli.recipes.sections import (
    ANY_SIZE_ARCHITECTURE,
    FEATURES,
    CorruptionRecipe,
    ModelRecipe,
    ObjectiveRecipe,
    OptimizerRecipe,
    PenaltyRecipe,
    TrainingRecipe,
)
from aecli.storage.schema import matches, shown, type_name

Task = Literal["autoencoder", "classifier", "features"]


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
        _check_ranges(recipe, origin)
        check_combinations(recipe, origin)
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


def _check_ranges(recipe: Recipe, origin: str) -> None:
    sections = recipe.to_dict()
    for path, entry in recipe_keys().items():
        section, _, name = path.partition(".")
        value, valid = sections[section][name], entry.metadata.get("range")
        if valid is not None and value not in valid:
            raise RecipeError(f"{origin}: {path} must be {valid}, not {value!r}")
