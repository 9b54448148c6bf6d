"""How many coefficients of its transform a codec needs for its training images."""

from typing import Any

import torch

from aecli.inference.model import batch_size
from aecli.models.architectures import build_parts
from aecli.recipes.schema import Recipe
from aecli.recipes.sections import ANY_SIZE_ARCHITECTURE
from aecli.runtime.sampling import evenly_spread
from aecli.training.subsets import Subset

CHOICES = (64, 96, 128, 192, 256)
TRUNCATED = 0.1
"""The error of leaving out coefficients, in units of the smallest rate weight: less than half of the error that a
trained codec has at that rate. The networks make up for a part of it."""
IMAGES = 64
CHUNK = 8
"""Images at once, at most; fewer large ones."""


def with_coefficients(
    arguments: dict[str, Any], recipe: Recipe, images: Subset, mean: list[float], std: list[float]
) -> dict[str, Any]:
    """Return the arguments of architecture `codec` with the number of coefficients that the training images need.

    The smallest choice is taken whose error, before training, is small beside that of rounding at the best rate.
    Arguments that give the number, and those of other architectures, stay as they are.
    """
    if recipe.model.architecture != ANY_SIZE_ARCHITECTURE or arguments["coefficients"] != 0:
        return arguments
    allowed = TRUNCATED * min(recipe.penalty.rate_weights, default=0.0)
    *smaller, most = CHOICES
    for count in smaller:
        if _truncation_error(arguments | {"coefficients": count}, images, mean, std) <= allowed:
            return arguments | {"coefficients": count}
    return arguments | {"coefficients": most}


@torch.inference_mode()
def _truncation_error(arguments: dict[str, Any], images: Subset, mean: list[float], std: list[float]) -> float:
    """Return the mean squared error of the transform of a few images, in normalized units."""
    encoder, decoder = build_parts(ANY_SIZE_ARCHITECTURE, images.images.image_shape, arguments)
    count = min(len(images), IMAGES)
    indices = images.indices[evenly_spread(len(images), count)]
    center, scale = (torch.tensor(values).view(-1, 1, 1) * 255 for values in (mean, std))
    total = 0.0
    chunk = min(CHUNK, batch_size(images.images.image_shape))
    for start in range(0, count, chunk):
        x = (torch.from_numpy(images.images.images[indices[start : start + chunk]]).float() - center) / scale
        total += float((decoder(encoder(x)) - x).square().mean((1, 2, 3)).sum())
    return total / count
