"""Corruption of the input of a denoising autoencoder: one file for each kind."""

import torch
from torch import Tensor

from aecli.models.corruption.blocks import mask_blocks
from aecli.models.corruption.dropout import drop_pixels
from aecli.models.corruption.gaussian import add_noise
from aecli.models.corruption.warp import warp
from aecli.recipes.sections import CorruptionRecipe


def corrupt(x: Tensor, recipe: CorruptionRecipe, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return normalized images (N, C, H, W) warped, then with blocks masked, pixels dropped and noise added.

    Each image has its own draws from `generator`. `black`, (C, 1, 1), is the normalized value of a black pixel. Kinds
    that are turned off draw nothing; if all are, `x` itself is returned.
    """
    if recipe.warps:
        x = warp(x, recipe, black, generator)
    if recipe.blocks > 0:
        x = mask_blocks(x, recipe.blocks, recipe.block_area, black, generator)
    if recipe.dropout > 0:
        x = drop_pixels(x, recipe.dropout, black, generator)
    if recipe.gaussian > 0:
        x = add_noise(x, recipe.gaussian, generator)
    return x
