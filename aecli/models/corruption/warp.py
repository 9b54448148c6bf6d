"""Affine and elastic warps, in one sampling."""

import torch
from torch import Tensor
from torch.nn import functional as F

from aecli.models.corruption.affine import inverse_affine
from aecli.models.corruption.elastic import displacements
from aecli.recipes.sections import CorruptionRecipe


def warp(x: Tensor, recipe: CorruptionRecipe, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) warped about their centers, each by its own draw, with black around them.

    Sampled as in Jaderberg et al., "Spatial transformer networks", NIPS 2015, but bicubically, clamped to each image's
    range of values. Bilinear sampling blurs, and a model trained on blurred images alone does poorly on the sharp
    images that it is applied to.
    """
    with torch.autocast(x.device.type, enabled=False):  # bfloat16 coordinates would be off by pixels
        grid = _sampling_grid(x, recipe, generator)  # (N, H, W, 2)
    light = x - black  # the sampler pads with zeros only
    brightest = light.amax(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
    warped = F.grid_sample(light, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return torch.minimum(warped.clamp_(min=0), brightest) + black


def _sampling_grid(x: Tensor, recipe: CorruptionRecipe, generator: torch.Generator) -> Tensor:
    """Draw the coordinates, from -1 to 1 along each side, at which the images are sampled."""
    images, _, height, width = x.shape
    if recipe.affine:
        theta = inverse_affine(images, height / width, recipe, x, generator)
    else:
        theta = torch.eye(2, 3, dtype=x.dtype, device=x.device).expand(images, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return grid + displacements(images, height, width, recipe, x, generator) if recipe.elastic > 0 else grid
