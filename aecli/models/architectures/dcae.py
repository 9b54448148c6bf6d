"""A deep compression autoencoder, for photographs: a small feature map between convolutions with shortcuts."""

from collections.abc import Sequence
from itertools import pairwise
from math import log2, sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecli.models.layers import CropTo, PadToMultiple, PixelUnshuffle, pixel_unshuffle

Padding = Literal["reflect", "replicate"]


def dcae(
    image_shape: tuple[int, int, int],
    *,
    channels: Sequence[int] = (24, 48, 96),
    code: int = 16,
    blocks: int = 0,
    grid: int = 8,
) -> tuple[nn.Module, nn.Module]:
    """Encode by halving the sides to a map of `code` channels and about `grid` x `grid`; decode in reverse.

    After Chen et al., "Deep compression autoencoder for efficient high-resolution diffusion models", ICLR 2025, with
    their shortcuts: pixels are moved into channels and averaged where the sides are halved, and repeated and moved
    back where they are doubled, so that each convolution learns the difference to a plain smaller or larger image.

    The number of halvings grows with the image: 3 for 64x64 pixels, with a code of 16 x 8 x 8, 4 for 128x128, 5 for
    224x224, with a code of 16 x 7 x 7. The code of a large image is thus about as large as that of a small one. The
    stages have `channels`, the last of which repeats. `blocks` residual blocks in each stage but the first and largest
    one reconstruct finer detail; each doubles the time of a step, roughly. Convolutions pad by reflection, which
    leaves no frame. An image whose sides cannot be halved so often is padded at its right and lower edges by repeating
    the last pixels, and cropped after decoding.
    """
    colors, height, width = image_shape
    halvings = _halvings(height, width, grid)
    widths = [channels[min(stage, len(channels) - 1)] for stage in range(halvings)]
    factor = 2**halvings
    fits = height % factor == 0 and width % factor == 0
    mode: Padding = "reflect" if min(height, width) > factor else "replicate"  # reflection needs two pixels

    def stage(index: int) -> list[nn.Module]:
        count = 0 if index == 0 and halvings > 1 else blocks
        return [ResidualBlock(widths[index], mode) for _ in range(count)]

    encoder: list[nn.Module] = [] if fits else [PadToMultiple(factor)]
    encoder += [PixelUnshuffle(), _convolution(4 * colors, widths[0], mode)]
    for index, (before, after) in enumerate(pairwise(widths)):
        encoder += [*stage(index), Halve(before, after, mode)]
    encoder += [*stage(halvings - 1), nn.SiLU(), nn.Conv2d(widths[-1], code, 1)]

    decoder: list[nn.Module] = [nn.Conv2d(code, widths[-1], 1)]
    for index in range(halvings - 1, 0, -1):
        decoder += [*stage(index), Double(widths[index], widths[index - 1], mode)]
    decoder += [*stage(0), nn.SiLU(), _convolution(widths[0], 4 * colors, mode), nn.PixelShuffle(2)]
    if not fits:
        decoder.append(CropTo(height, width))
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input, (N, C, H, W) -> (N, C, H, W).

    Starting near the identity replaces normalization: Zhang, Dauphin and Ma, "Fixup initialization", ICLR 2019.
    """

    def __init__(self, channels: int, mode: Padding):
        super().__init__()
        self.conv1 = _convolution(channels, channels, mode)
        self.conv2 = _convolution(channels, channels, mode)
        with torch.no_grad():
            self.conv2.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(F.silu(self.conv1(F.silu(x))))
        return out


class Halve(nn.Module):
    """A convolution with stride 2 beside a shortcut without parameters: (N, before, 2 H, 2 W) -> (N, after, H, W)."""

    def __init__(self, before: int, after: int, mode: Padding):
        super().__init__()
        if 4 * before % after:
            raise ValueError(f"channels: {after} must divide 4 times {before}, the channels of the stage before")
        self.conv = _convolution(before, after, mode, stride=2)
        self.after, self.averaged = after, 4 * before // after

    def forward(self, x: Tensor) -> Tensor:
        moved = pixel_unshuffle(x)  # (N, 4 before, H, W)
        shortcut = torch.unflatten(moved, 1, (self.after, self.averaged)).mean(2)
        out: Tensor = self.conv(x) + shortcut
        return out


class Double(nn.Module):
    """A convolution to four pixels beside a shortcut without parameters: (N, before, H, W) -> (N, after, 2 H, 2 W)."""

    def __init__(self, before: int, after: int, mode: Padding):
        super().__init__()
        if 4 * after % before:
            raise ValueError(f"channels: {before} must divide 4 times {after}, the channels of the stage before")
        self.conv = _convolution(before, 4 * after, mode)
        self.copies = 4 * after // before

    def forward(self, x: Tensor) -> Tensor:
        images, channels, height, width = x.shape
        repeated = torch.stack([x] * self.copies, 2).reshape(images, self.copies * channels, height, width)
        return F.pixel_shuffle(self.conv(x) + repeated, 2)


def _convolution(before: int, after: int, mode: Padding, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=1, padding_mode=mode)


def _halvings(height: int, width: int, grid: int) -> int:
    """Return how often to halve the sides: until the area is about grid x grid, while the shorter side has 2 pixels."""
    wanted = round(log2(max(sqrt(height * width) / grid, 1)))
    return max(1, min(wanted, int(log2(min(height, width))) - 1))
