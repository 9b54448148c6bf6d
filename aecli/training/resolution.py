"""Complete a recipe from the images and the architecture's defaults."""

from dataclasses import replace
from typing import Any

import numpy as np

from aecli.checkpoint import Checkpoint
from aecli.errors import RecipeError
from aecli.inference.model import batches
from aecli.models.architectures import resolve_arguments
from aecli.recipes.schema import Recipe
from aecli.training.coefficients import with_coefficients
from aecli.training.length import with_explicit_length
from aecli.training.subsets import Subset, given_levels


def with_levels_of(recipe: Recipe, init_from: Checkpoint) -> Recipe:
    """Return the recipe with the black and white levels of the model that the training starts from, if it has any.

    Raises:
        RecipeError: the recipe names other levels.
    """
    start = Recipe.from_dict(init_from.header.recipe).model
    levels, start_levels = given_levels(recipe.model), given_levels(start)
    if start_levels is None:  # it was trained on images of 8 bits
        return recipe
    if levels and levels != start_levels:
        raise RecipeError(
            f"model.black and model.white are {levels.black:g} and {levels.white:g}, but {init_from.path} was trained "
            f"with {start_levels.black:g} and {start_levels.white:g}",
            hint="keep its levels: --set model.black=measured --set model.white=measured",
        )
    return recipe.with_model(black=start.black, white=start.white)


def resolve_recipe(recipe: Recipe, images: Subset, init_from: Checkpoint | None = None) -> Recipe:
    """Return the recipe with all values explicit: image shape, normalization, the architecture's arguments, its length.

    `images` have the recipe's shape already. A model that starts from `init_from` keeps its normalization.

    Raises:
        RecipeError: the architecture lacks an argument, the normalization does not match the channels or `init_from`,
            or a value that follows from the images is not allowed, such as their size.
    """
    channels, height, width = images.images.image_shape
    levels = images.images.levels
    mean, std = recipe.model.mean, recipe.model.std
    if recipe.task == "features":  # the backbone subtracts and divides by its own values
        mean = [0.0] * channels if mean == "measured" else mean
        std = [1.0] * channels if std == "measured" else std
    if mean == "measured" or std == "measured":
        header = init_from.header if init_from else None
        measured_mean, measured_std = (header.mean, header.std) if header else measure_normalization(images)
        mean = measured_mean if mean == "measured" else mean
        std = measured_std if std == "measured" else std
    for key, values in (("mean", mean), ("std", std)):
        if len(values) != channels:
            raise RecipeError(
                f"model.{key} has {len(values)} values, but the images have {channels} channels",
                hint="--set model.mean=measured --set model.std=measured",
            )
        if init_from and values != getattr(init_from.header, key):
            raise RecipeError(
                f"model.{key} is {values}, but {init_from.path} was trained with {getattr(init_from.header, key)}",
                hint="keep its normalization: --set model.mean=measured --set model.std=measured",
            )
    if recipe.task == "features":
        recipe = replace(recipe, training=replace(recipe.training, epochs=1, steps=0))
    tiling = images.images.tiles.tiling if images.images.tiles else None
    resolved = with_explicit_length(recipe, len(images)).with_model(
        arguments=with_coefficients(
            _explicit_arguments(recipe), recipe, images, list(map(float, mean)), list(map(float, std))
        ),
        image_size=[height, width],
        tile=tiling.size if tiling else recipe.model.tile,
        overlap=tiling.overlap if tiling else recipe.model.overlap,
        channels=channels,
        mean=list(map(float, mean)),
        std=list(map(float, std)),
        black=levels.black if levels else recipe.model.black,
        white=levels.white if levels else recipe.model.white,
    )
    return Recipe.from_dict(resolved.to_dict(), "recipe for these images")  # as it is read back from the checkpoint


def _explicit_arguments(recipe: Recipe) -> dict[str, Any]:
    """Return all arguments of the architecture; of a model of features, also the layers that its backbone implies.

    A checkpoint then does not depend on how a later version, or a later timm, chooses them.
    """
    arguments = resolve_arguments(recipe.model.architecture, recipe.model.arguments)
    if recipe.task == "features" and not arguments["layers"] and isinstance(arguments["backbone"], str):
        from aecli.models.backbone import default_layers

        arguments["layers"] = default_layers(arguments["backbone"])
    return arguments


def measure_normalization(subset: Subset) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation per channel, of pixels in 0..1, rounded to 6 digits.

    The standard deviation is at least one gray level, 1/255.
    """
    channels = subset.images.image_shape[0]
    histogram = np.zeros((channels, 256), np.int64)
    for batch in batches(len(subset), subset.images.image_shape):
        block = subset.images.images[subset.indices[batch]]
        for channel in range(channels):
            histogram[channel] += np.bincount(block[:, channel].ravel(), minlength=256)
    levels = np.arange(256) / 255
    weights = histogram / histogram.sum(axis=1, keepdims=True)  # (C, 256)
    mean = weights @ levels  # (C,)
    variance = weights @ levels**2 - mean**2
    std = np.maximum(np.sqrt(np.maximum(variance, 0)), 1 / 255)
    return [round(float(value), 6) for value in mean], [round(float(value), 6) for value in std]
