"""Elastic warps: smooth random displacements."""

import torch
from torch import Tensor
from torch.nn import functional as F

from aecli.recipes.sections import CorruptionRecipe


def displacements(
    images: int, height: int, width: int, recipe: CorruptionRecipe, like: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw smooth displacements of sampling coordinates, which go from -1 to 1 along each side; (images, H, W, 2).

    The displacements are normally distributed at the points of a square grid that spans the image, and interpolated
    bicubically between them. Simard et al., "Best practices for convolutional neural networks applied to visual
    document analysis", ICDAR 2003, with free-form deformations as in Rueckert et al., "Nonrigid registration using
    free-form deformations", IEEE Transactions on Medical Imaging 18 (1999). Dtype and device are those of `like`.
    """
    points = recipe.elastic_grid
    draws = torch.randn(images, 2, points, points, dtype=like.dtype, device=like.device, generator=generator)
    # Bicubic interpolation is linear and separable: two small products are faster than F.interpolate.
    down, across = _interpolation(points, height, like), _interpolation(points, width, like)
    return (down @ (2 * recipe.elastic * draws) @ across.T).permute(0, 2, 3, 1)


def _interpolation(points: int, side: int, like: Tensor) -> Tensor:
    """Return the matrix that interpolates `points` values, the outer ones at the borders, to `side` values."""
    unit = torch.eye(points, dtype=like.dtype, device=like.device)
    matrix = F.interpolate(unit[None, None], size=(side, points), mode="bicubic", align_corners=True)
    return matrix[0, 0]  # (side, points)
