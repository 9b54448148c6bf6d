"""Validation images beside their reconstructions."""

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.recipes.schema import Recipe
from aecli.training.seeds import Stream, generator
from aecli.training.subsets import Subset

COUNT = 50


def preview(model: Autoencoder, recipe: Recipe, validation: Subset) -> dict[str, NDArray[np.uint8]]:
    """Return panels of up to 50 images by title, (N, C, H, W) uint8: input, corrupted input if any, reconstruction.

    The images are spread evenly over the set, which may be sorted by class.
    """
    spread = np.linspace(0, len(validation) - 1, min(COUNT, len(validation))).round().astype(np.int64)
    images = validation.images.images[validation.indices[spread]]
    device = model.mean.device
    with torch.inference_mode():
        clean = model.normalize(torch.from_numpy(images).to(device))
        stream = generator(recipe.training.seed, Stream.VALIDATION_CORRUPTION, device=device)
        corrupted = corrupt(clean, recipe.corruption, model.black, stream)
        _, reconstruction = model(corrupted)
    panels = {"input": images}
    if corrupted is not clean:
        panels["corrupted input"] = model.denormalize(corrupted).cpu().numpy()
    panels["reconstruction"] = model.denormalize(reconstruction).cpu().numpy()
    return panels
