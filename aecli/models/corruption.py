"""What is done to the input of a denoising autoencoder."""

import torch
from torch import Tensor

from aecli.recipe import CorruptionRecipe


def corrupt(x: Tensor, recipe: CorruptionRecipe, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return normalised images (N, C, H, W) with pixels dropped, then noise added; `x` itself where nothing is asked.

    `black`, (C, 1, 1), is the normalised value of a black pixel. Dropping pixels: Vincent et al., "Extracting and
    composing robust features with denoising autoencoders", ICML 2008.
    """
    if recipe.dropout > 0:
        chance = torch.rand(x.shape[0], 1, *x.shape[2:], device=x.device, generator=generator)  # (N, 1, H, W)
        x = torch.where(chance < recipe.dropout, black, x)
    if recipe.gaussian > 0:
        noise = torch.empty_like(x).normal_(generator=generator)
        x = x + recipe.gaussian * noise
    return x
