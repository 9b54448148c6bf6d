"""Layers that architectures share.

A 3x3 convolution followed by 2x2 average pooling is linear, so it is also one 4x4 convolution with stride 2, whose
kernel is the 3x3 one averaged over the four positions of the pool. Likewise, nearest-neighbor upsampling by 2 followed
by a 3x3 convolution is one transposed 4x4 convolution with stride 2, whose kernel is the 3x3 one summed over the four
pixels that a small pixel becomes. The layers below thus avoid the large feature map with many channels, which takes
most of the time and memory, and compute 16 products instead of 36. Their parameters and gradients are those of the 3x3
convolution; only rounding differs.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@runtime_checkable
class Derived(Protocol):
    """A layer that computes its kernel from its parameters at each call."""

    def plain(self) -> nn.Module:
        """Return layers of torch, with their own parameters, that compute the same function."""


def replace_derived(model: nn.Module) -> None:
    """Replace all `Derived` layers of the model by plain ones."""
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
        return _with_values(nn.Conv2d(self.in_channels, self.out_channels, 4, 2, 1), self._kernel(), self.bias)

    def _kernel(self) -> Tensor:
        return F.avg_pool2d(F.pad(self.weight, (1, 1, 1, 1)), 2, stride=1)  # (out, in, 4, 4)


class UpsampledConv2d(nn.Conv2d):
    """`Upsample(scale_factor=2)` (nearest) followed by `Conv2d(in_channels, out_channels, 3, padding=1)`.

    (N, in_channels, H, W) -> (N, out_channels, 2 H, 2 W).
    """

    MIN_TRANSPOSED_CHANNELS = 3
    """Transposed convolutions to fewer channels are slow in libraries: three times slower for a grayscale image."""

    # Output pixel 2 i depends on the upsampled pixels 2 i - 1, 2 i, 2 i + 1, which are copies of the small pixels
    # i - 1, i, i; output pixel 2 i + 1 on i, i, i + 1. The three rows of a phase select the taps of the kernel that
    # fall on the small pixels i - 1, i and i + 1.
    PHASES = (
        ((1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    )

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.register_buffer("phases", torch.tensor(self.PHASES), persistent=False)  # (2, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if self.out_channels < self.MIN_TRANSPOSED_CHANNELS:
            return F.pixel_shuffle(F.conv2d(x, *self._phase_convolution(), padding=1), 2)
        return F.conv_transpose2d(x, self._kernel(), self.bias, stride=2, padding=1)

    def plain(self) -> nn.Module:
        if self.out_channels < self.MIN_TRANSPOSED_CHANNELS:
            phases = nn.Conv2d(self.in_channels, 4 * self.out_channels, 3, padding=1)
            return nn.Sequential(_with_values(phases, *self._phase_convolution()), nn.PixelShuffle(2))
        transposed = nn.ConvTranspose2d(self.in_channels, self.out_channels, 4, 2, 1)
        return _with_values(transposed, self._kernel(), self.bias)

    def _kernel(self) -> Tensor:
        turned = self.weight.flip(2, 3).transpose(0, 1)  # (in, out, 3, 3)
        return F.avg_pool2d(F.pad(turned, (1, 1, 1, 1)), 2, stride=1, divisor_override=1)  # (in, out, 4, 4)

    def _phase_convolution(self) -> tuple[Tensor, Tensor | None]:
        """Return kernel and bias of a 3x3 convolution at the small size, with four channels for each output channel.

        Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
        """
        phases: Tensor = self.phases  # type: ignore[assignment]
        rows = torch.einsum("pyk,oikl->poiyl", phases, self.weight)  # (2, out, in, 3, 3)
        kernel = torch.einsum("qxl,poiyl->opqiyx", phases, rows)  # (out, 2, 2, in, 3, 3)
        bias = None if self.bias is None else self.bias.repeat_interleave(4, dim=0)
        return kernel.flatten(0, 2), bias  # (4 out, in, 3, 3)


def _with_values(layer: nn.Conv2d | nn.ConvTranspose2d, kernel: Tensor, bias: Tensor | None) -> nn.Module:
    """Return the layer with copies of these values as its parameters."""
    layer.weight = nn.Parameter(kernel.detach())
    layer.bias = None if bias is None else nn.Parameter(bias.detach())
    return layer


def pixel_unshuffle(x: Tensor) -> Tensor:
    """Move each 2x2 pixels into channels, (N, C, 2 H, 2 W) -> (N, 4 C, H, W), also of an empty batch.

    `torch.nn.functional.pixel_unshuffle` returns an empty batch in the shape of its input.
    """
    images, channels, height, width = x.shape
    pixels = x.reshape(images, channels, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
    return pixels.reshape(images, 4 * channels, height // 2, width // 2)


class PixelUnshuffle(nn.Module):
    """`pixel_unshuffle` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return pixel_unshuffle(x)


class FixedLength(nn.Module):
    """Scale each vector, (N, D) -> (N, D), to a root mean square of 1, so that only its direction carries information.

    This is RMSNorm without weights: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """

    EPSILON = 1e-6

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + self.EPSILON)


class Standardize(nn.Module):
    """Subtract a mean from each channel and divide by a standard deviation: (N, C, H, W) -> (N, C, H, W)."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class PadToMultiple(nn.Module):
    """Pad height and width to multiples of `factor` by repeating the last row and column."""

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
