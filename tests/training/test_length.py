"""The batch size and the number of epochs follow from the number of images."""

import pytest

from aecli.errors import UsageError
from aecli.recipes.schema import Recipe
from aecli.training.length import automatic_batch_size, with_explicit_length


@pytest.mark.parametrize(
    ("images", "expected"), [(1, 1), (5, 5), (12, 8), (83, 8), (318, 16), (1294, 64), (3600, 128), (10**6, 128)]
)
def test_the_automatic_batch_size_gives_an_epoch_enough_steps(images: int, expected: int) -> None:
    assert automatic_batch_size(images) == expected


@pytest.mark.parametrize(("images", "epochs"), [(83, 73), (12, 400), (100_000, 2), (1_000_000, 1)])
def test_steps_become_whole_epochs(images: int, epochs: int) -> None:
    resolved = with_explicit_length(Recipe().with_settings({"training.steps": 800}), images)
    steps_per_epoch = -(-images // resolved.training.images_per_step)
    assert resolved.training.epochs == epochs
    assert (epochs - 1) * steps_per_epoch < 800 <= epochs * steps_per_epoch
    assert with_explicit_length(resolved, 7) == resolved  # it runs again as it is


def test_epochs_replace_steps() -> None:
    recipe = Recipe().with_settings({"training.steps": 800, "training.batch_size": 4})
    changed = with_explicit_length(recipe.with_settings({"training.epochs": 3}), 100)
    assert (changed.training.epochs, changed.training.images_per_step) == (3, 4)
    with pytest.raises(UsageError, match="exclusive"):
        recipe.with_settings({"training.epochs": 3, "training.steps": 5})
