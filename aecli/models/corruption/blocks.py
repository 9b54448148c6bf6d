"""Black rectangles."""

from math import sqrt

import torch
from torch import Tensor


def mask_blocks(x: Tensor, count: int, area: float, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) with `count` black rectangles each, which may overlap.

    A rectangle covers the fraction `area` of the image, as nearly as whole pixels allow, has the image's proportions
    and lies within the image, uniformly distributed. Pathak et al., "Context encoders: feature learning by
    inpainting", CVPR 2016 (random block masks); DeVries and Taylor, "Improved regularization of convolutional neural
    networks with Cutout", 2017.
    """
    height, width = x.shape[2:]
    rows = _intervals(len(x), count, height, area, x.device, generator)  # (N, count, H)
    columns = _intervals(len(x), count, width, area, x.device, generator)  # (N, count, W)
    masked = (rows[..., :, None] & columns[..., None, :]).any(dim=1, keepdim=True)  # (N, 1, H, W)
    return torch.where(masked, black, x)


def _intervals(
    images: int, count: int, side: int, area: float, device: torch.device, generator: torch.Generator
) -> Tensor:
    """Return a mask of the pixels within a random interval of the block's length, (images, count, side)."""
    length = max(1, round(side * sqrt(area)))
    start = torch.randint(side - length + 1, (images, count, 1), device=device, generator=generator)
    pixel = torch.arange(side, device=device)
    return (pixel >= start) & (pixel < start + length)
