"""Black pixels."""

import torch
from torch import Tensor


def drop_pixels(x: Tensor, probability: float, black: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W) in which each pixel is black, in all channels, with this probability.

    Masking noise of Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008.
    """
    chance = torch.rand(x.shape[0], 1, *x.shape[2:], device=x.device, generator=generator)  # (N, 1, H, W)
    return torch.where(chance < probability, black, x)
