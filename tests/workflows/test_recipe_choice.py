"""Without a named recipe, a training takes one that fits the images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data import DataOptions, resolve
from aecli.recipes.loading import load_recipe
from aecli.recipes.schema import Recipe
from aecli.workflows.recipe_choice import RecipeChoice, RecipeRequest, choose_recipe
from tests.command_line import Run, succeed


def save_images(folder: Path, *sizes: tuple[int, int], mode: str = "RGB") -> Path:
    """Write an image of each (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (width, height) in enumerate(sizes):
        levels = np.random.default_rng(index).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
        Image.fromarray(levels.squeeze(), mode=mode).save(folder / f"{index:03}.png")
    return folder


def choose(data: str | Path, *changes: tuple[str, object], named: str | Recipe | None = None) -> RecipeChoice:
    """Return the choice for a new run."""
    from aecli.checkpoint.run_folder import RunFolder

    request = RecipeRequest(named, [(dict(changes), "--set")] if changes else [])
    return choose_recipe(request, resolve(str(data)), DataOptions(), RunFolder(Path("no-such-run")))


@pytest.mark.parametrize(
    ("sizes", "mode", "name", "image_size"),
    [
        ([(28, 28)] * 3, "L", "small", "native"),
        ([(32, 20)] * 3, "L", "small", "native"),
        ([(33, 33)] * 3, "L", "photos", "native"),
        ([(32, 32)] * 3, "RGB", "photos", "native"),
        ([(300, 300)] * 3, "L", "photos", 64),
        ([(20, 20), (200, 160), (160, 220)], "L", "photos", 64),
        ([(20, 20), (30, 30), (160, 220)], "L", "small", "native"),
        ([(40, 40), (41, 40)], "RGB", "photos", 64),
    ],
)
def test_size_and_color_decide(
    sizes: list[tuple[int, int]], mode: str, name: str, image_size: object, tmp_path: Path
) -> None:
    choice = choose(save_images(tmp_path / "images", *sizes, mode=mode))
    assert (choice.name, choice.recipe.model.image_size, choice.is_automatic) == (name, image_size, True)


def test_the_images_count_as_they_are_converted(tmp_path: Path) -> None:
    photos = save_images(tmp_path / "images", (100, 80))
    assert choose(photos, ("model.channels", 1), ("model.image_size", 28)).name == "small"
    assert choose(photos, ("model.channels", 1)).name == "photos"
    assert choose("digits", ("model.image_size", 64)).name == "photos"
    assert choose(photos, ("model.image_size", 96)).recipe.model.image_size == 96


def test_a_named_recipe_is_taken_with_its_changes() -> None:
    choice = choose("digits", ("training.seed", 3), named="mlp")
    assert choice.recipe == load_recipe("mlp").with_settings({"training.seed": 3})
    assert not choice.is_automatic
    assert choose("digits", named=Recipe()).recipe == Recipe()


def test_train_says_what_it_chose(tmp_path: Path, aecli: Run) -> None:
    photos = save_images(tmp_path / "photos", *[(20 + index, 24) for index in range(12)])
    words = ("train", photos, "--device", "cpu", "--image-size", 16, "--steps", 3)
    result = succeed(*words, "-o", tmp_path / "run")
    line = next(line for line in result.err.splitlines() if line.startswith("recipe photos"))
    assert "16x16" in line
    assert "batch 8" in line
    assert "--recipe" in line
    resolved = load_recipe(str(tmp_path / "run" / "recipe.toml"))
    assert (resolved.training.epochs, resolved.training.batch_size, resolved.training.steps) == (2, 8, 0)
    named = succeed(*words, "-o", tmp_path / "named", "--recipe", "photos")
    assert "change:" not in named.err
    assert (tmp_path / "named" / "model.safetensors").read_bytes() == (
        tmp_path / "run" / "model.safetensors"
    ).read_bytes()


def test_a_model_to_start_from_brings_its_recipe(tmp_path: Path, conv_run: Path, aecli: Run) -> None:
    succeed("train", "digits", "--init-from", conv_run, "-o", tmp_path / "run", "--epochs", 1, "--device", "cpu")
    earlier, recipe = (load_recipe(str(run / "recipe.toml")) for run in (conv_run, tmp_path / "run"))
    assert recipe == earlier.with_settings({"training.epochs": 1})
    assert aecli("train", "digits", "--recipe", "nothing", "-o", tmp_path / "other").status != 0
