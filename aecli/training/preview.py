"""The first validation images as a model sees and restores them."""

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.recipe import Recipe
from aecli.training.images import Portion
from aecli.training.seeds import Stream, generator

COUNT = 50


def preview(model: Autoencoder, recipe: Recipe, validation: Portion) -> dict[str, NDArray[np.uint8]]:
    """Return titled panels of up to 50 images, (N, C, H, W) uint8: input, corrupted where a recipe does so, restored."""
    images = validation.images.images[validation.rows[:COUNT]]
    with torch.inference_mode():
        clean = model.normalise(torch.from_numpy(images))
        stream = generator(recipe.training.seed, Stream.VALIDATION_CORRUPTION)
        corrupted = corrupt(clean, recipe.corruption, model.black, stream)
        _, restored = model(corrupted)
    panels = {"input": images}
    if corrupted is not clean:
        panels["corrupted input"] = model.denormalise(corrupted).numpy()
    panels["reconstruction"] = model.denormalise(restored).numpy()
    return panels
