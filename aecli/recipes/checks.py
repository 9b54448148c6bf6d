"""Check the keys of a recipe whose valid values depend on other keys, or are not one range."""

from typing import TYPE_CHECKING

from aecli.errors import RecipeError
from aecli.recipes.sections import ANY_SIZE_ARCHITECTURE, MAX_RATES

if TYPE_CHECKING:
    from aecli.recipes.schema import Recipe


def check_combinations(recipe: "Recipe", origin: str) -> None:
    """Check what no range of one key can express; errors name `origin`.

    Raises:
        RecipeError: keys contradict each other.
    """
    is_classifier = recipe.task == "classifier"
    if recipe.model.overlap != "auto" and not recipe.model.tile:
        raise RecipeError(f"{origin}: model.overlap needs model.tile, such as 256", hint="add --tile 256")
    if recipe.model.tile and recipe.model.tile_overlap >= recipe.model.tile:
        raise RecipeError(
            f"{origin}: model.overlap must be smaller than model.tile {recipe.model.tile}, not {recipe.model.overlap}",
            hint="--set model.overlap=auto",
        )
    if recipe.model.tile and is_classifier:
        raise RecipeError(f"{origin}: a classifier takes whole images, not tiles", hint="leave out model.tile")
    black, white = recipe.model.black, recipe.model.white
    if black != "measured" and white == "measured":
        raise RecipeError(f"{origin}: model.black needs model.white, such as 4095")
    if white != "measured" and white <= (0 if black == "measured" else black):
        raise RecipeError(f"{origin}: model.white must be greater than model.black, not {white!r}")
    _check_rates(recipe, origin)
    size = recipe.model.image_size
    if isinstance(size, list) and len(size) != 2:
        raise RecipeError(f"{origin}: model.image_size must be one number or [height, width], not {size!r}")
    if is_classifier and recipe.corruption.target != "clean":
        raise RecipeError(f"{origin}: corruption.target must be 'clean' for a classifier")
    if recipe.task == "features" and recipe.objective.loss == "cross-entropy":
        raise RecipeError(
            f"{origin}: a classifier cannot have architecture features",
            hint="start a resnet classifier from pretrained weights: --recipe resnet --init-from WEIGHTS",
        )
    if recipe.training.freeze_encoder and not is_classifier:
        raise RecipeError(
            f"{origin}: training.freeze_encoder must be false unless objective.loss is 'cross-entropy'",
            hint="--recipe conv-classifier, or --set objective.loss=cross-entropy",
        )


def _check_rates(recipe: "Recipe", origin: str) -> None:
    """Check the keys of a codec."""
    weights = recipe.penalty.rate_weights
    if weights and recipe.task != "autoencoder":
        raise RecipeError(f"{origin}: penalty.rate_weights applies to autoencoders, not to a model of {recipe.task}")
    if weights != sorted(set(weights)) or len(weights) > MAX_RATES:
        raise RecipeError(
            f"{origin}: penalty.rate_weights must be at most {MAX_RATES} different numbers in increasing order"
        )
    is_any = recipe.model.architecture == ANY_SIZE_ARCHITECTURE
    if (recipe.model.image_size == "any" or recipe.training.crop) and not is_any:
        name = "training.crop" if recipe.training.crop else "model.image_size any"
        raise RecipeError(
            f"{origin}: {name} needs an architecture for images of any size",
            hint=f"--set model.architecture={ANY_SIZE_ARCHITECTURE}",
        )
