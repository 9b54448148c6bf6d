"""A recipe is completed from the images, and refused if they are not those that it allows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data import DataOptions, ImageSet
from aecli.errors import InputError, RecipeError
from aecli.recipes.loading import load_recipe
from aecli.recipes.schema import Recipe
from aecli.recipes.sections import MAX_SIDE
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import load_subsets, whole


def test_images_of_a_size_that_no_recipe_allows_are_refused() -> None:
    for side in (MAX_SIDE, MAX_SIDE + 1):
        images = whole(ImageSet(np.zeros((2, 1, 1, side), np.uint8), np.array(["a", "b"]), "images"))
        if side == MAX_SIDE:
            assert resolve_recipe(Recipe(), images).model.image_size == [1, side]
            continue
        with pytest.raises(RecipeError, match="image_size"):
            resolve_recipe(Recipe(), images)


def test_images_of_several_sizes_are_not_cut_into_tiles_for_a_classifier(tmp_path: Path) -> None:
    for index in range(4):
        file = tmp_path / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("L", (20 + index, 20)).save(file)
    recipe = load_recipe("codec").with_settings({"objective.loss": "cross-entropy", "penalty.rate_weights": []})
    with pytest.raises(InputError, match="differ in size"):
        load_subsets(str(tmp_path), None, recipe, DataOptions())
