"""Affine warps: rotation, scale, shear and translation."""

from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F

from aecli.recipes.schema import CorruptionRecipe


def warp(x: Tensor, recipe: CorruptionRecipe, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) warped about their centers, each by its own draw, with black around them.

    Sampled as in Jaderberg et al., "Spatial transformer networks", NIPS 2015, but bicubically, clamped to each image's
    range of values. Bilinear sampling blurs, and a model trained on blurred images alone does poorly on the sharp
    images that it is applied to.
    """
    with torch.autocast(x.device.type, enabled=False):  # bfloat16 coordinates would be off by pixels
        theta = inverse_affine(len(x), x.shape[-2] / x.shape[-1], recipe, x, generator)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)  # (N, H, W, 2)
    light = x - black  # the sampler pads with zeros only
    brightest = light.amax(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
    warped = F.grid_sample(light, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return torch.minimum(warped.clamp_(min=0), brightest) + black


def inverse_affine(
    images: int, aspect: float, recipe: CorruptionRecipe, like: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw warps, uniform within the recipe's ranges; return the inverse matrices for `affine_grid`, (images, 2, 3).

    An image is scaled, then sheared, rotated and translated. The matrices map output to input coordinates, which go
    from -1 to 1 along each side; `aspect` is height / width. Dtype and device are those of `like`.
    """
    draws = torch.rand(6, images, dtype=like.dtype, device=like.device, generator=generator) * 2 - 1  # (6, N)
    angle, shear = draws[0] * radians(recipe.rotation), torch.tan(draws[1] * radians(recipe.shear))
    across, down = 1 + recipe.scale * draws[2], 1 + recipe.scale * draws[3]
    shift = 2 * recipe.translation * draws[4:].T[..., None]  # (N, 2, 1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    # Scale^-1 @ shear^-1 @ rotation^-1, in pixels.
    first = torch.stack([cosine + shear * sine, (sine - shear * cosine) * aspect]) / across  # (2, N)
    second = torch.stack([-sine / aspect, cosine]) / down  # (2, N)
    linear = torch.stack([first, second]).permute(2, 0, 1)  # (N, 2, 2)
    return torch.cat([linear, -linear @ shift], dim=2)
