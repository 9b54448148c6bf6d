"""Which keys of a recipe may change when a run is resumed: those that do not change the epochs that are done."""

from aecli.errors import RecipeError
from aecli.recipes.schema import Recipe

EPOCHS, PATIENCE = "training.epochs", "training.patience"


def require_resumable(earlier: Recipe, recipe: Recipe) -> None:
    """Check that a run of the recipe `earlier`, continued with `recipe`, equals a run of `recipe` from the start.

    How many epochs are done does not matter here; see `require_not_exceeded`.

    Raises:
        RecipeError: a key has changed that the epochs before depend on.
    """
    changed = earlier.differences(recipe)
    before, after = earlier.training, recipe.training
    if others := [key for key in changed if key not in (EPOCHS, PATIENCE)]:
        raise RecipeError(
            f"the recipe has changed since the run started: {', '.join(others)}",
            hint="resume with the original recipe, or start another run with --init-from",
        )
    if EPOCHS in changed and (schedule := recipe.optimizer.schedule) != "constant":
        raise RecipeError(
            f"the {schedule} schedule depends on the number of epochs: a run of {EPOCHS} = {before.epochs} cannot be "
            f"continued with {after.epochs}",
            hint=f"resume with --epochs {before.epochs}, or start another run with --init-from",
        )
    if PATIENCE in changed and after.patience and not 0 < before.patience < after.patience:
        raise RecipeError(
            f"{PATIENCE} can only grow when a run is resumed: it was {before.patience or '0 (off)'}, "
            f"and is {after.patience} now",
            hint=f"resume with --patience {before.patience}, or start another run with --init-from",
        )


def require_not_exceeded(recipe: Recipe, done_epochs: int) -> None:
    """Check that a run of so many epochs can be resumed with this recipe.

    Raises:
        RecipeError: more epochs are done than the recipe has.
    """
    if done_epochs > recipe.training.epochs:
        raise RecipeError(
            f"{done_epochs} epochs of the run are done, more than {EPOCHS} = {recipe.training.epochs}",
            hint=f"resume with --epochs {done_epochs} or more",
        )
