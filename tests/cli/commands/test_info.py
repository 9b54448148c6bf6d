"""`aecli info`: descriptions of run folders, models, codes, recipes and sets of images."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from aecli.errors import ExitStatus
from aecli.recipes.loading import load_recipe
from tests.command_line import Run, succeed


def test_info_on_a_run_and_its_model(conv_run: Path) -> None:
    text = succeed("info", conv_run).out
    for piece in ("run folder", "mean image", "conv", "3,221", "8x8", "4x2x2", "1,294", "digits:train"):
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


def test_info_on_images(aecli: Run, image_folder: Path, tmp_path: Path) -> None:
    (image_folder / "notes.txt").write_text("")
    document = succeed("info", image_folder, "--json").document
    assert (document["images"], document["splits"], document["class_names"]) == (6, {}, ["a", "b"])
    assert document["notes"] == ["passed over: 1 .txt"]
    assert succeed("info", f"{image_folder}:train@a", "--json").document["class_names"] == ["a"]
    assert succeed("info", image_folder / "a" / "0.png", "--json").document["images"] == 1
    digits = succeed("info", "digits").out
    assert "train 1,438, test 359" in digits
    assert "10: 0, 1, 2" in digits
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 4, 5), np.uint8))
    assert "5x4 pixels, gray" in succeed("info", tmp_path / "set.npz").out


@pytest.mark.parametrize("name", ["a/cut.png", "notes.txt", "nothing", "missing.npz", "missing:train"])
def test_info_on_something_else_is_an_error(name: str, aecli: Run, image_folder: Path) -> None:
    (image_folder / "a" / "cut.png").write_bytes(b"\x89PNG")
    (image_folder / "notes.txt").write_text("")
    (image_folder / "nothing").mkdir()
    result = aecli("info", image_folder / name)
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])


def test_info_names_ten_classes(aecli: Run, image_folder: Path) -> None:
    for index in range(12):
        (image_folder / f"class{index:02}").mkdir()
        os.link(image_folder / "a" / "0.png", image_folder / f"class{index:02}" / "0.png")
    text = aecli("info", image_folder).out
    assert "14: a, b, class00, " in text
    assert "class07, ..." in text
    assert "class08" not in text
