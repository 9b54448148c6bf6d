"""A residual network from torchvision, for photographs, with a mirrored decoder."""

from itertools import pairwise

from torch import Tensor, nn

from aecli.models.layers import CropTo, PadToMultiple, UpsampledConv2d
from aecli.runtime.compiler_import import import_without_compiler

FACTOR = 32
"""The ratio of the sides of an image to those of its code."""
WIDTHS = (64, 128, 256, 512)
"""Channels of the four stages of the decoder, which have as many blocks as those of the encoder."""
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def resnet(image_shape: tuple[int, int, int], *, depth: int = 18, code: int = 64) -> tuple[nn.Module, nn.Module]:
    """Encode with torchvision's ResNet of `depth` 18, 34 or 50 layers and a 1x1 convolution to `code` channels.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016. The code is code x H / 32 x W / 32:
    64 x 2 x 2 for 64x64 pixels, 64 x 7 x 7 for 224x224. The decoder has the encoder's stages in reverse, made of basic
    blocks, with nearest upsampling instead of strides and pooling. An image whose sides are not multiples of 32 is
    padded at its right and lower edges by repeating the last pixels, and cropped after decoding.

    The encoder's parameters have torchvision's names, so that its pretrained weights can be loaded.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}, got {depth}")
    colors, height, width = image_shape
    fits = height % FACTOR == 0 and width % FACTOR == 0
    decoder: list[nn.Module] = [nn.Conv2d(code, WIDTHS[-1], 1, bias=False), nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU()]
    for (before, after), blocks in zip(pairwise([WIDTHS[-1], *reversed(WIDTHS)]), reversed(DEPTHS[depth]), strict=True):
        # The encoder's first stage has no stride, and the decoder's last stage does not upsample.
        decoder += [BasicBlock(before, before) for _ in range(blocks - 1)]
        decoder.append(BasicBlock(before, after))
    decoder += [UpsampledConv2d(WIDTHS[0], WIDTHS[0]), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU()]
    decoder.append(UpsampledConv2d(WIDTHS[0], colors))
    if not fits:
        decoder.append(CropTo(height, width))
    return Encoder(colors, depth, code, padded=not fits), nn.Sequential(*decoder)


class Encoder(nn.Module):
    """torchvision's network without its head, and a 1x1 convolution: (N, C, H, W) -> (N, code, H / 32, W / 32)."""

    NOT_PRETRAINED = ("project.",)
    """Prefixes of the parameters that torchvision's network does not have."""

    def __init__(self, colors: int, depth: int, code: int, *, padded: bool):
        super().__init__()
        network = getattr(import_without_compiler("torchvision.models.resnet"), f"resnet{depth}")(weights=None)
        if colors != 3:
            network.conv1 = nn.Conv2d(colors, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.pad = PadToMultiple(FACTOR) if padded else nn.Identity()
        self.conv1, self.bn1, self.relu, self.maxpool = network.conv1, network.bn1, network.relu, network.maxpool
        self.layer1, self.layer2, self.layer3 = network.layer1, network.layer2, network.layer3
        self.layer4 = network.layer4
        self.project = nn.Conv2d(network.fc.in_features, code, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(self.pad(x)))))  # (N, 64, H / 4, W / 4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512 or 2048, H / 32, W / 32)
        code: Tensor = self.project(x)
        return code


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (N, before, H, W) -> (N, after, H, W).

    If `before` and `after` differ, the output has twice the height and width.
    """

    def __init__(self, before: int, after: int):
        super().__init__()
        larger = before != after
        self.conv1 = nn.Conv2d(before, before, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(before)
        self.conv2 = UpsampledConv2d(before, after) if larger else nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if larger:
            narrow = nn.Conv2d(before, after, 1, bias=False)
            self.shortcut = nn.Sequential(narrow, nn.BatchNorm2d(after), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))
        return out
