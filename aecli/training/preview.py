"""Validation images beside their reconstructions."""

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.inference.model import batches
from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.recipes.schema import Recipe
from aecli.runtime.sampling import evenly_spread
from aecli.training.seeds import Stream, generator
from aecli.training.subsets import Subset

COUNT = 50


def preview(model: Autoencoder, recipe: Recipe, validation: Subset) -> dict[str, NDArray[np.uint8]]:
    """Return panels of up to 50 images by title, (N, C, H, W) uint8: input, corrupted input if any, reconstruction.

    The images are spread evenly over the set, which may be sorted by class.
    """
    images = validation.images.images[validation.indices[evenly_spread(len(validation), COUNT)]]
    device, parts = model.mean.device, []
    stream = generator(recipe.training.seed, Stream.VALIDATION_CORRUPTION, device=device)
    with torch.inference_mode():
        for batch in batches(len(images), model.image_shape):
            clean = model.normalize(torch.from_numpy(images[batch]).to(device))
            corrupted = corrupt(clean, recipe.corruption, model.black, stream)
            _, reconstruction = model(corrupted)
            part = {} if corrupted is clean else {"corrupted input": corrupted}
            part["reconstruction"] = reconstruction
            parts.append({title: model.denormalize(x).cpu().numpy() for title, x in part.items()})
    return {"input": images} | {title: np.concatenate([part[title] for part in parts]) for title in parts[0]}
