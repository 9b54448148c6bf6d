"""The options of train: recipe keys become options by their schema, in groups."""

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from aecli.cli.app import app
from aecli.cli.training_options import FLAGGED_KEYS, RecipeOptions, recipe_values
from aecli.errors import UsageError
from aecli.recipes.loading import load_recipe
from aecli.recipes.parsing import parse_image_size
from aecli.recipes.schema import Recipe
from tests.command_line import Run

OPTIONS: list[Any] = typer.main.get_command(app).commands["train"].params  # type: ignore[attr-defined]


NEEDED: dict[str, dict[str, Any]] = {
    "model.tile": {"recipe": "conv"},
    "model.overlap": {"recipe": "conv", "tile": 256},
}
"""Other options that some keys need: a classifier takes no tiles."""


def other_value(key: str) -> Any:
    """Return a valid value of a recipe key that is not its default."""
    entry: Any = FLAGGED_KEYS[key]
    if parser := entry.metadata["parser"]:
        return parser("96x64" if key == "model.image_size" else "7")
    if choices := get_args(entry.type):
        return next(choice for choice in choices if choice != entry.default)
    return not entry.default if entry.type is bool else entry.default + entry.type(1)


def load(options: RecipeOptions) -> Recipe:
    """Return the recipe that the options name, or `conv`, with their changes."""
    request = options.request
    assert request.named is None or isinstance(request.named, str)
    return request.changed(load_recipe(request.named or "conv"))


@pytest.mark.parametrize("key", FLAGGED_KEYS)
def test_an_option_takes_its_help_from_the_recipe_key(key: str) -> None:
    (option,) = [option for option in OPTIONS if FLAGGED_KEYS[key].metadata["flag"] in option.opts]
    assert option.help.startswith(FLAGGED_KEYS[key].metadata["help"])
    assert key in option.help


@pytest.mark.parametrize("key", FLAGGED_KEYS)
def test_an_option_changes_its_recipe_key(key: str) -> None:
    value = other_value(key)
    before = NEEDED.get(key, {"recipe": "mlp-classifier"})
    recipe = load(RecipeOptions(**before, **{FLAGGED_KEYS[key].name: value}))
    section, name = key.split(".")
    assert recipe.to_dict()[section][name] == value
    assert recipe.differences(load(RecipeOptions(**before))) == [key]


@pytest.mark.parametrize(("text", "size"), [("64", 64), ("96x64", [64, 96]), ("96X64", [64, 96]), ("native", "native")])
def test_an_image_size_is_a_side_or_width_and_height(text: str, size: object) -> None:
    assert parse_image_size(text) == size


@pytest.mark.parametrize("text", ["", "96x", "x", "-1", "1e3", "96x64x3", "64px", "9" * 400])
def test_text_that_is_no_image_size_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="image size"):
        parse_image_size(text)


def test_options_left_out_change_nothing() -> None:
    assert load(RecipeOptions()) == load_recipe("conv")
    assert all(getattr(RecipeOptions(), entry.name) is None for entry in fields(RecipeOptions))


def test_an_option_outranks_set() -> None:
    options = RecipeOptions(settings=["training.epochs=3", "training.batch_size=7"], epochs=5)  # type: ignore[call-arg]
    training = load(options).training
    assert (training.epochs, training.batch_size) == (5, 7)


def test_a_value_out_of_range_names_the_recipe_key() -> None:
    with pytest.raises(UsageError, match=r"training\.epochs"):
        load(RecipeOptions(epochs=0))  # type: ignore[call-arg]


def test_help_lists_the_groups_in_order(aecli: Run) -> None:
    text = aecli("train", "--help").out
    positions = [text.index(f"\n{panel}\n") for panel in ("Recipe", "Images", "Run", "Devices")]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--recipe", "conv"], {"epochs": "conv: 150", "lr": "conv: 0.01", "freeze_encoder": "conv: no"}),
        (["--recipe=small"], {"epochs": "small: as many as --steps needs", "steps": "small: 2000"}),
        ([], {"lr": "small: 0.01, photos: 0.004", "seed": "recipe: 0", "image_size": "small: native, photos: 64"}),
        (["--recipe", "nonsense"], {}),
    ],
)
def test_help_shows_the_values_of_the_recipe(words: list[str], values: dict[str, str]) -> None:
    assert recipe_values(words).items() >= values.items()


def test_help_of_a_recipe_file_shows_its_values(aecli: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[training]\nepochs = 7\n[model]\nimage_size = [64, 96]\n")
    page = " ".join(aecli("train", "--recipe", recipe, "--help").out.split())
    assert "training.epochs (mine.toml: 7)" in page
    assert "model.image_size (mine.toml: 96x64)" in page
