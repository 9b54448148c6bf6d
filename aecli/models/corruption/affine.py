"""Affine warps: rotation, scale, shear and translation."""

from math import radians

import torch
from torch import Tensor

from aecli.recipes.sections import CorruptionRecipe


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
