"""Read and write recipes: the shipped ones, TOML files, and settings from the command line."""

import tomllib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import tomli_w

from aecli.errors import RecipeError, UsageError, unknown
from aecli.recipes.schema import Recipe
from aecli.storage.atomic import write_text
from aecli.storage.run_files import RECIPE_FILE
from aecli.storage.text import read_text

SMALL, PHOTOS = AUTOMATIC = ("small", "photos")
"""The recipes that `aecli train` chooses from: for gray images of few pixels, and for all others."""


def shipped_recipes() -> Traversable:
    """Return the folder of the recipes that come with aecli."""
    return resources.files("aecli") / "recipes"


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with aecli, sorted."""
    names = (entry.name for entry in shipped_recipes().iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def recipe_purpose(name: str) -> str:
    """Return the first comment line of a shipped recipe, which describes it."""
    return _read_shipped(name).splitlines()[0].lstrip("# ")


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by its name, or a TOML file.

    Raises:
        RecipeError: the recipe is unknown, or the file is not TOML or has an invalid key or value.
        InputError: the file is missing or empty, or is not a text in the expected encoding.
    """
    if name_or_path in recipe_names():
        text = _read_shipped(name_or_path)
    elif name_or_path.endswith(".toml") or "/" in name_or_path:
        text = read_text(Path(name_or_path), "recipe")
    else:
        of_run = Path(name_or_path, RECIPE_FILE)
        hint = f"the recipe of this run: {of_run}" if of_run.is_file() else "or name a file that ends in .toml"
        raise RecipeError(unknown("recipe", name_or_path, recipe_names()), hint=hint)
    try:
        sections = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{name_or_path}: not TOML: {error}") from error
    return Recipe.from_dict(sections, name_or_path)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write the recipe as TOML; `load_recipe` returns an equal one."""
    write_text(path, "# Resolved by aecli train: runs again as is.\n" + tomli_w.dumps(recipe.to_dict()))


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Parse settings of the form `section.key=value`; a value that is not TOML is taken as a string.

    Raises:
        UsageError: a setting has no key or no `=`.
    """
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {setting}: not key=value", hint="for example --set optimizer.lr=0.1")
        values[key.strip()] = _toml_value(value.strip())
    return values


def _toml_value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return document["value"] if list(document) == ["value"] else text


def _read_shipped(name: str) -> str:
    return shipped_recipes().joinpath(f"{name}.toml").read_text("utf-8")
