"""One new TOML file in the recipes folder is a new recipe in every command, without an edit elsewhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aecli.recipes import loading
from aecli.recipes.loading import load_recipe, recipe_names, recipe_purpose
from tests.command_line import Run

NAME = "tiny"

PURPOSE = "Fully connected autoencoder with a code of three values."

SOURCE = f"""# {PURPOSE}

[model]
architecture = "mlp"
arguments = {{ hidden = [], code = 3 }}

[training]
epochs = 1
batch_size = 500
"""

HELP = """
import sys
from pathlib import Path
from aecli.recipes import loading
loading.shipped_recipes = lambda: Path(sys.argv[1])
from aecli.cli.main import main
main(["train", "--help"])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipes that come with aecli, and one more."""
    folder = tmp_path / "recipes"
    shutil.copytree(str(loading.shipped_recipes()), folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / f"{NAME}.toml").write_text(SOURCE)
    monkeypatch.setattr(loading, "shipped_recipes", lambda: folder)
    return folder


@pytest.mark.usefixtures("folder")
def test_a_new_file_is_in_the_registry() -> None:
    assert NAME in recipe_names()
    assert recipe_purpose(NAME) == PURPOSE
    assert load_recipe(NAME).model.arguments == {"hidden": [], "code": 3}


@pytest.mark.usefixtures("folder")
def test_a_new_recipe_trains_and_is_described(aecli: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = aecli("train", "digits", "-o", run, "--recipe", NAME, "--device", "cpu", "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out)["code_shape"] == [3]
    described = aecli("info", NAME)
    assert described.status == 0
    assert "mlp" in described.out


@pytest.mark.usefixtures("folder")
def test_a_misspelled_name_suggests_the_new_recipe(aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", "--recipe", "tinny")
    assert result.status != 0
    assert f"'{NAME}'" in result.err


def test_the_help_of_train_names_a_new_recipe(python: Callable[..., str], folder: Path) -> None:
    assert NAME in python(HELP, folder)
