"""What a checkpoint records of its model, and of the images that it was trained and validated on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint.header import Quantiles
from aecli.models.encoder_model import EncoderModel
from aecli.recipes.schema import Recipe

PROBABILITIES = [*(percent / 100 for percent in range(100)), 0.995, 0.999, 1.0]

QUANTIZER_IMAGES = 2000
"""Number of training images whose codes the quantizers are fitted to, at most."""

QUANTIZER_VALUES = 1 << 22
"""Values of codes that the quantizers are fitted to, at most: a channel of a map has many in each image."""


def quantiles_of(scores: NDArray[np.float32]) -> Quantiles:
    """Return the quantiles of scores, (N,), that a checkpoint holds."""
    return Quantiles(PROBABILITIES, [float(value) for value in np.quantile(scores, PROBABILITIES)])


def model_fields(model: EncoderModel, recipe: Recipe) -> dict[str, Any]:
    """Return the fields of a checkpoint's header that follow from the model and its resolved recipe."""
    return {
        "architecture": model.architecture,
        "arguments": model.arguments,
        "image_shape": model.image_shape,
        "code_shape": model.code_shape,
        "mean": recipe.model.mean,
        "std": recipe.model.std,
        "recipe": recipe.to_dict(),
        "task": recipe.task,
        "rate_weights": recipe.penalty.rate_weights,
    }
