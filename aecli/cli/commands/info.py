"""`aecli info`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.errors import UsageError

EXAMPLES = examples(
    "aecli info run",
    "aecli info codes.npz --json",
    "aecli info combined",
    "aecli info conv --toml > mine.toml",
    "aecli info photos/",
    "aecli info archive/",
)
FileArg = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Run folder, model, detector, code file, archive or .aec file, recipe, name of a built-in one, or DATA.",
        show_default=False,
    ),
]
TomlOpt = Annotated[
    bool,
    typer.Option(
        "--toml", help="Print the recipe, or that of the run folder, as a file to start from: each key with a comment."
    ),
]


def info(file: FileArg, console: Console, toml: TomlOpt = False) -> None:
    """Describe a file and its origin, or the images of a folder or data set."""
    if toml:
        _print_recipe(file, console)
        return
    from aecli.reports.describe import describe

    description = describe(file)
    console.result(description.as_text(), description.to_dict())


def _print_recipe(file: str, console: Console) -> None:
    """Print a recipe with comments.

    Raises:
        UsageError: the file is neither a recipe nor a run folder.
        RecipeError: the recipe is unknown or invalid.
        InputError: the run folder has no recipe, or a recipe file is missing.
    """
    from aecli.recipes.loading import load_recipe, recipe_names, recipe_purpose
    from aecli.recipes.template import recipe_template
    from aecli.storage.run_files import RECIPE_FILE

    path = Path(file)
    if path.exists() and not path.is_dir() and path.suffix != ".toml":
        raise UsageError(f"--toml prints recipes, not {file}", hint="name a recipe or a run folder")
    recipe = load_recipe(str(path / RECIPE_FILE) if path.is_dir() else file)
    title = recipe_purpose(file) if file in recipe_names() and not path.is_dir() else f"The recipe of {file}."
    text = recipe_template(recipe, title)
    console.result(text.rstrip("\n"), {"recipe": recipe.to_dict(), "toml": text})
