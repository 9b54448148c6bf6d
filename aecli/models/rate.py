"""The rate of codes: how many bits they need when rounded to multiples of a learned step.

Balle, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017: training adds uniform noise of one
step in place of rounding to estimate the bits. The distortion is that of rounded codes, with the gradient passed
straight through: Bengio, Leonard and Courville, 2013. One model serves several rates: Choi, El-Khamy and Lee,
"Variable rate deep image compression with a conditional autoencoder", ICCV 2019.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

COMPONENTS = 3
SCALES = (0.08, 0.3, 0.9)
"""The scales of the logistic distributions at the start, in standard deviations of a channel's codes."""
UNIFORM_COST = 0.1155
"""log(2) / 6: as rounding costs step^2 / 12 and saves log2(step) bits, a step of sqrt(weight / 0.1155) is the best."""
SMALLEST_PROBABILITY = 1e-9


class RateModel(nn.Module):
    """Steps for each rate and channel, and the distribution of the codes.

    The distribution of each channel, or of each unit of codes of one size, is a mixture of three logistic
    distributions, the same for all rates.

    Args:
        weights: The weight of the rate in the loss, one for each rate.
        code_shape: (C, ...) of a code.
        by_unit: Whether each unit has a distribution of its own.
    """

    LEARNING_RATES: ClassVar[dict[str, float]] = {"": 8.0}
    """Factors of the learning rate: the distribution has to follow the codes."""

    def __init__(self, weights: Sequence[float], code_shape: Sequence[int], *, by_unit: bool = False):
        super().__init__()
        self.is_by_unit = by_unit
        channels = code_shape[0]
        units = tuple(code_shape) if by_unit else (channels, *[1] * (len(code_shape) - 1))
        self.log_step = nn.Parameter(torch.empty(len(weights), channels))
        self.location = nn.Parameter(torch.zeros(*units, COMPONENTS))
        self.log_scale = nn.Parameter(torch.empty(*units, COMPONENTS))
        self.logits = nn.Parameter(torch.zeros(*units, COMPONENTS))
        with torch.no_grad():
            starts = [0.5 * math.log(weight / UNIFORM_COST) for weight in weights]
            self.log_step.copy_(torch.tensor(starts)[:, None].expand_as(self.log_step))
            self.log_scale.copy_(torch.tensor([math.log(scale) for scale in SCALES]).expand_as(self.log_scale))

    @torch.no_grad()
    def fit_start(self, codes: Tensor) -> None:
        """Set the scales to those of codes, (N, C, ...), before training; a single one has none."""
        others = [0, *(axis + 1 for axis, size in enumerate(self.location.shape[:-1]) if axis and size == 1)]
        correction = min(1, math.prod(codes.shape[axis] for axis in others) - 1)
        mean, std = codes.mean(others, keepdim=True)[0], codes.std(others, keepdim=True, correction=correction)[0]
        self.location.copy_(mean[..., None].expand_as(self.location))
        scales = std[..., None].clamp_min(1e-3) * torch.tensor(SCALES, device=codes.device)
        self.log_scale.copy_(scales.log())

    def steps(self, rates: Tensor, dimensions: int) -> Tensor:
        """Return the step of each channel, (N, C, 1, ...), for the rates, (N,) indices, of codes of N images."""
        return self.log_step[rates].exp().reshape(len(rates), -1, *[1] * (dimensions - 2))

    def bits(self, codes: Tensor, steps: Tensor) -> Tensor:
        """Return the bits of each code, (N, C, ...), as the probability of an interval of one step around it."""
        inverse = torch.exp(-self.log_scale)
        offset = codes.float()[..., None] - self.location
        half = steps.float()[..., None] / 2
        sign = torch.where(offset > 0, -1.0, 1.0)  # sigmoid is exact where it is small: far tails stay exact
        inside = torch.sigmoid(sign * (offset + half) * inverse) - torch.sigmoid(sign * (offset - half) * inverse)
        probability = (inside.abs() * torch.softmax(self.logits, -1)).sum(-1)
        return -torch.log2(probability.clamp_min(SMALLEST_PROBABILITY))


def quantize(codes: Tensor, steps: Tensor) -> Tensor:
    """Round codes to multiples of the steps.

    The gradient passes to the codes as if they were not rounded, and to the steps as rounding errors grow with them:
    Esser et al., "Learned step size quantization", ICLR 2020.
    """
    scaled = (codes / steps).detach()
    return codes + steps * (torch.round(scaled) - scaled)


def with_noise(codes: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
    """Add uniform noise of one step, in place of rounding; `noise` is uniform in 0..1."""
    return codes + steps * (noise - 0.5)
