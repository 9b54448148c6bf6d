"""Noise."""

import torch
from torch import Tensor


def add_noise(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) with normal noise of this standard deviation added to every value."""
    # Drawn channel by channel, whatever the layout of x: the pixels of channels-last colors would come one by one.
    noise = torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return x + deviation * noise
