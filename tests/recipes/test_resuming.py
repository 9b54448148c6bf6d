"""The keys of a recipe that may change when a run is resumed."""

from typing import Any

import pytest

from aecli.errors import RecipeError
from aecli.recipes.resuming import require_not_exceeded, require_resumable
from aecli.recipes.schema import Recipe

SCHEDULES = ("constant", "cosine", "one-cycle")


def recipe(epochs: int = 10, patience: int = 0, **training: Any) -> Recipe:
    values = {"epochs": epochs, "patience": patience} | training
    return Recipe().with_settings({f"training.{name}": value for name, value in values.items()})


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_same_recipe_is_resumed(schedule: str) -> None:
    same = Recipe().with_settings({"optimizer.schedule": schedule})
    require_resumable(same, same)


@pytest.mark.parametrize("epochs", [7, 11, 1000])
def test_a_constant_schedule_allows_other_epochs(epochs: int) -> None:
    require_resumable(recipe(10), recipe(epochs))


@pytest.mark.parametrize("schedule", SCHEDULES[1:])
@pytest.mark.parametrize("epochs", [7, 11])
def test_a_schedule_over_the_whole_run_does_not(schedule: str, epochs: int) -> None:
    scheduled = {"optimizer.schedule": schedule}
    with pytest.raises(RecipeError, match=schedule):
        require_resumable(recipe(10).with_settings(scheduled), recipe(epochs).with_settings(scheduled))


@pytest.mark.parametrize(("before", "after"), [(3, 4), (3, 0)])
def test_patience_may_grow(before: int, after: int) -> None:
    require_resumable(recipe(patience=before), recipe(patience=after))


@pytest.mark.parametrize(("before", "after"), [(4, 3), (0, 3)])
def test_patience_may_not_shrink(before: int, after: int) -> None:
    with pytest.raises(RecipeError, match="patience"):
        require_resumable(recipe(patience=before), recipe(patience=after))


def test_other_keys_may_not_change() -> None:
    with pytest.raises(RecipeError, match=r"training\.seed"):
        require_resumable(recipe(10, 3), recipe(20, 5, seed=1))


def test_epochs_that_are_done_stay_done() -> None:
    require_not_exceeded(recipe(10), 10)
    with pytest.raises(RecipeError, match="11"):
        require_not_exceeded(recipe(10), 11)
