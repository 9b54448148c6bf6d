"""Layers that architectures share.

A 3x3 convolution followed by 2x2 average pooling is linear, so it is also one 4x4 convolution with stride 2, whose
kernel is the 3x3 one averaged over the four places that the pool adds up. Likewise a nearest up-sampling by 2 followed
by a 3x3 convolution is one transposed 4x4 convolution with stride 2, whose kernel is the 3x3 one added up over the four
pixels that a small one becomes. Written so, the large picture with many channels, which costs most of the time and
memory, is never made, and 16 products take the place of 36. The parameters stay those of the 3x3 convolution and the
gradients flow to them: only rounding differs.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@runtime_checkable
class Derived(Protocol):
    """A layer whose kernel is computed from its parameters at each call."""

    def plain(self) -> nn.Module:
        """Return torch's own layers, with parameters of their own, for the same function as it is now."""


def replace_derived(model: nn.Module) -> None:
    """Put plain layers into the places of those whose kernels are computed at each call."""
    for name, layer in model.named_children():
        if isinstance(layer, Derived):
            setattr(model, name, layer.plain())
        else:
            replace_derived(layer)


class PooledConv2d(nn.Conv2d):
    """`Conv2d(in_channels, out_channels, 3, padding=1)` followed by `AvgPool2d(2)`.

    (N, in_channels, 2 H, 2 W) -> (N, out_channels, H, W). The sides must be even.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self._kernel(), self.bias, stride=2, padding=1)

    def plain(self) -> nn.Module:
        return _holding(nn.Conv2d(self.in_channels, self.out_channels, 4, 2, 1), self._kernel(), self.bias)

    def _kernel(self) -> Tensor:
        return F.avg_pool2d(F.pad(self.weight, (1, 1, 1, 1)), 2, stride=1)  # (out, in, 4, 4)


class UpsampledConv2d(nn.Conv2d):
    """`Upsample(scale_factor=2)` (nearest) followed by `Conv2d(in_channels, out_channels, 3, padding=1)`.

    (N, in_channels, H, W) -> (N, out_channels, 2 H, 2 W).
    """

    FEW = 3
    """Libraries do transposed convolutions to fewer channels slowly: a gray picture took three times as long."""

    # Output pixel 2 i sees the up-sampled pixels 2 i - 1, 2 i, 2 i + 1, that is the small ones i - 1, i, i;
    # pixel 2 i + 1 sees i, i, i + 1. A row says which taps of the 3-kernel fall on small pixel i - 1, i, i + 1.
    PHASES = (
        ((1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    )

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.register_buffer("phases", torch.tensor(self.PHASES), persistent=False)  # (2, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if self.out_channels < self.FEW:
            return F.pixel_shuffle(F.conv2d(x, *self._phase_by_phase(), padding=1), 2)
        return F.conv_transpose2d(x, self._kernel(), self.bias, stride=2, padding=1)

    def plain(self) -> nn.Module:
        if self.out_channels < self.FEW:
            phases = nn.Conv2d(self.in_channels, 4 * self.out_channels, 3, padding=1)
            return nn.Sequential(_holding(phases, *self._phase_by_phase()), nn.PixelShuffle(2))
        transposed = nn.ConvTranspose2d(self.in_channels, self.out_channels, 4, 2, 1)
        return _holding(transposed, self._kernel(), self.bias)

    def _kernel(self) -> Tensor:
        turned = self.weight.flip(2, 3).transpose(0, 1)  # (in, out, 3, 3)
        return F.avg_pool2d(F.pad(turned, (1, 1, 1, 1)), 2, stride=1, divisor_override=1)  # (in, out, 4, 4)

    def _phase_by_phase(self) -> tuple[Tensor, Tensor | None]:
        """Return kernel and bias of a 3x3 convolution at the small size, a channel for each of a small pixel's four.

        Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
        """
        phases: Tensor = self.phases  # type: ignore[assignment]
        rows = torch.einsum("pyk,oikl->poiyl", phases, self.weight)  # (2, out, in, 3, 3)
        kernel = torch.einsum("qxl,poiyl->opqiyx", phases, rows)  # (out, 2, 2, in, 3, 3)
        bias = None if self.bias is None else self.bias.repeat_interleave(4, dim=0)
        return kernel.flatten(0, 2), bias  # (4 out, in, 3, 3)


def _holding(layer: nn.Conv2d | nn.ConvTranspose2d, kernel: Tensor, bias: Tensor | None) -> nn.Module:
    layer.weight = nn.Parameter(kernel.detach())
    layer.bias = None if bias is None else nn.Parameter(bias.detach())
    return layer


class PadToMultiple(nn.Module):
    """Repeat the last row and column until the sides are multiples of `factor`."""

    def __init__(self, factor: int):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return F.pad(x, (0, -width % self.factor, 0, -height % self.factor), mode="replicate")


class CropTo(nn.Module):
    """Keep the first `height` rows and `width` columns."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.height, : self.width]
