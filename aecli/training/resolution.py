"""A recipe's open ends are settled by the images and the architecture."""

import numpy as np

from aecli.checkpoint import Checkpoint
from aecli.errors import RecipeError
from aecli.models.architectures import resolve_arguments
from aecli.recipes.schema import Recipe
from aecli.training.subsets import Subset


def resolve_recipe(recipe: Recipe, images: Subset, init_from: Checkpoint | None = None) -> Recipe:
    """Return the recipe with what was left to the images and to the architecture's defaults written out.

    `images` have the recipe's shape already. The weights of `init_from` go with its normalization, which is kept.

    Raises:
        RecipeError: an argument that the architecture does not have, or a normalization that does not fit the
            channels or `init_from`.
    """
    channels, height, width = images.images.image_shape
    mean, std = recipe.model.mean, recipe.model.std
    if mean == "measured" or std == "measured":
        known = init_from.header if init_from else None
        measured_mean, measured_std = (known.mean, known.std) if known else measure_normalization(images)
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
                hint="take its own: --set model.mean=measured --set model.std=measured",
            )
    return recipe.with_model(
        arguments=resolve_arguments(recipe.model.architecture, recipe.model.arguments),
        image_size=[height, width],
        channels=channels,
        mean=list(map(float, mean)),
        std=list(map(float, std)),
    )


def measure_normalization(subset: Subset) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation per channel, as of pixels in 0..1, rounded to 6 digits.

    A channel without variation gets one gray level as its deviation.
    """
    channels = subset.images.image_shape[0]
    histogram = np.zeros((channels, 256), np.int64)
    for start in range(0, len(subset), 4096):
        block = subset.images.images[subset.indices[start : start + 4096]]
        for channel in range(channels):
            histogram[channel] += np.bincount(block[:, channel].ravel(), minlength=256)
    levels = np.arange(256) / 255
    weights = histogram / histogram.sum(axis=1, keepdims=True)  # (C, 256)
    mean = weights @ levels  # (C,)
    variance = weights @ levels**2 - mean**2
    std = np.maximum(np.sqrt(np.maximum(variance, 0)), 1 / 255)
    return [round(float(value), 6) for value in mean], [round(float(value), 6) for value in std]
