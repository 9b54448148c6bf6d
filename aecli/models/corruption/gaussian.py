"""Gaussian noise."""

import torch
from torch import Tensor


def add_noise(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) with Gaussian noise of this standard deviation added to every value."""
    # randn_like would draw in the memory layout of x, and channels-last images would get other noise.
    noise = torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return x + deviation * noise
