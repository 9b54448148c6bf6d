"""The model before its first step: random weights from the recipe's seed, or those of another model."""

from typing import Any, cast

import torch

from aecli.errors import RecipeError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.models.feature_model import FeatureModel
from aecli.recipes.schema import Recipe
from aecli.training.pretrained import start_from
from aecli.training.request import TrainingRequest
from aecli.training.seeds import Stream, stream_seed


def initial_model(request: TrainingRequest) -> Autoencoder | Classifier:
    """Return the model with the weights that training starts from.

    Raises:
        RecipeError: the architecture cannot be built for these images.
        InputError: the weights of `init_from` do not fit.
    """
    class_names = request.images.images.class_names
    model = random_model(request.recipe, len(class_names))
    _require_prior(request.recipe, model.code_shape)
    if request.init_from:
        start_from(model, request.init_from, class_names)
    return model


def _require_prior(recipe: Recipe, code_shape: tuple[int, ...]) -> None:
    """Check that codes of this shape can have the prior of the recipe."""
    if recipe.penalty.rate_weights and recipe.penalty.rate_prior == "causal" and len(code_shape) != 3:
        raise RecipeError(
            f"penalty.rate_prior causal needs codes with rows and columns, not of shape {code_shape}",
            hint="--set penalty.rate_prior=static",
        )


def feature_model(recipe: Recipe) -> FeatureModel:
    """Return a model of features, whose backbone has random weights."""
    return FeatureModel(*_arguments(recipe))


def random_model(recipe: Recipe, class_count: int) -> Autoencoder | Classifier:
    """Return a model with weights drawn from the recipe's seed; the global random state stays as it is."""
    arguments = _arguments(recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.training.seed, Stream.WEIGHTS))
        if recipe.task == "classifier":
            return Classifier(*arguments, class_count)
        return Autoencoder(*arguments, recipe.penalty.rate_weights, priors_of_units=recipe.has_priors_of_units)


def _arguments(recipe: Recipe) -> tuple[str, tuple[int, int, int], dict[str, Any], list[float], list[float]]:
    """Return architecture, image shape, arguments, mean and standard deviation of a resolved recipe."""
    model = recipe.model
    # A resolved recipe has a complete shape and a measured normalization.
    shape = cast("tuple[int, int, int]", model.image_shape)
    mean, std = cast(list[float], model.mean), cast(list[float], model.std)
    return model.architecture, shape, model.arguments, mean, std
