"""`aecli info`: descriptions of run folders, models, codes and recipes."""

import re
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from aecli.recipes.loading import load_recipe
from tests.command_line import Run, succeed


def test_info_on_a_run_and_its_model(conv_run: Path) -> None:
    text = succeed("info", conv_run).out
    for piece in ("run folder", "conv", "3,221", "8x8", "4x2x2", "1,294", "digits:train"):
        assert piece in text
    run = succeed("info", conv_run, "--json").document
    model = succeed("info", conv_run / "model.safetensors", "--json").document
    assert (run["kind"], model["kind"]) == ("run folder", "model")
    assert run["fingerprint"] == model["fingerprint"]
    assert run["architecture"] == "conv"
    assert run["recipe"]["training"]["epochs"] == 20


def test_info_on_codes(codes_file: Path, conv_run: Path) -> None:
    codes = succeed("info", codes_file, "--json").document
    assert (codes["kind"], codes["count"], codes["code_shape"]) == ("codes", 359, [4, 2, 2])
    assert codes["model_fingerprint"] == succeed("info", conv_run, "--json").document["fingerprint"]
    text = succeed("info", codes_file).out
    assert "359" in text
    assert "4x2x2" in text


def test_info_on_the_recipe_of_a_run(conv_run: Path) -> None:
    path = conv_run / "recipe.toml"
    assert succeed("info", path, "--json").document["recipe"]["model"]["architecture"] == "conv"
    assert re.search(r"^  training.epochs +20$", succeed("info", path).out, re.MULTILINE)


def test_info_on_a_recipe_of_the_package(aecli: Run) -> None:
    description = succeed("info", "combined", "--json").document
    assert description["kind"] == "recipe"
    assert description["recipe"] == load_recipe("combined").to_dict()
    assert aecli("info", "combine").status == ExitStatus.INPUT


def test_info_on_a_recipe_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text("[training]\nepochs = 3\n")
    monkeypatch.chdir(tmp_path)
    assert succeed("info", "mine.toml", "--json").document["recipe"]["training"]["epochs"] == 3
