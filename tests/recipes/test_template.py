"""A recipe as a file to start from: it runs again as is, and explains each key."""

import tomllib
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from aecli.recipes.loading import load_recipe, recipe_names, recipe_purpose
from aecli.recipes.schema import recipe_keys
from aecli.recipes.template import toml_text
from tests.command_line import Run, succeed


@pytest.mark.parametrize("name", recipe_names())
def test_a_printed_recipe_is_the_recipe(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(succeed("info", name, "--toml").out)
    assert load_recipe(str(file)) == load_recipe(name)
    assert tomllib.loads(file.read_text()) == load_recipe(name).to_dict(), "no key is left out"
    lines = file.read_text().splitlines()
    assert " ".join(line.lstrip("# ") for line in lines[:3]).startswith(recipe_purpose(name))
    assert max(map(len, lines)) <= 100
    text = " ".join(line.lstrip("# ") for line in lines)
    for key, entry in recipe_keys().items():
        assert entry.metadata["help"] in text, key


@pytest.mark.parametrize("value", [True, False, 0, -3, 0.5, 1e-5, 'a"b\\', [1, 2], ["x", "y"], [], [0.1, 1e-7]])
def test_values_are_toml(value: object) -> None:
    assert tomllib.loads(f"value = {toml_text(value)}")["value"] == value


@pytest.mark.slow
def test_a_printed_recipe_trains_the_same_model(aecli: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(succeed("info", "mlp", "--toml").out)
    words = ("train", "digits", "--device", "cpu", "--epochs", 1, "--threads", 1)
    for name, recipe in (("named", "mlp"), ("printed", file)):
        assert aecli(*words, "-o", tmp_path / name, "--recipe", recipe).status == 0
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("named", "printed")]
    assert models[0] == models[1]
    again = succeed("info", tmp_path / "named", "--toml").out
    assert tomllib.loads(again) == load_recipe(str(tmp_path / "named" / "recipe.toml")).to_dict()


@pytest.mark.parametrize(
    ("word", "status"), [("codes.npz", ExitStatus.USAGE), ("nonsense", ExitStatus.INPUT), (".", ExitStatus.INPUT)]
)
def test_what_is_no_recipe_is_refused(word: str, status: int, aecli: Run, tmp_path: Path) -> None:
    (tmp_path / "codes.npz").touch()
    result = aecli("info", tmp_path / word if word != "nonsense" else word, "--toml")
    assert result.status == status
    assert result.out == ""
    assert "hint:" in result.err
