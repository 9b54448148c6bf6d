"""Strided convolutions around a linear code: one vector without spatial layout."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from aecli.models.layers import CropTo, PadToMultiple, UpsampledConv2d


def strided(
    image_shape: tuple[int, int, int], *, channels: Sequence[int] = (32, 64), code: int = 32
) -> tuple[nn.Module, nn.Module]:
    """Encode with 3x3 convolutions to `channels`, each halving the sides, and a linear layer to `code` units.

    The decoder reverses this: a linear layer, then nearest upsampling and a 3x3 convolution for each halving. ReLU
    follows every layer except the code and the last one. An image whose sides are not multiples of 2^len(channels) is
    padded at its right and lower edges by repeating the last pixels, and cropped after decoding.
    """
    colors, height, width = image_shape
    encoder = strided_encoder(image_shape, channels, code)
    smallest = smallest_map(image_shape, channels)

    decoder: list[nn.Module] = [nn.Linear(code, prod(smallest)), nn.Unflatten(1, smallest)]
    for before, after in pairwise(reversed([colors, *channels])):
        decoder += [nn.ReLU(), UpsampledConv2d(before, after)]
    if height % 2 ** len(channels) or width % 2 ** len(channels):
        decoder.append(CropTo(height, width))
    return encoder, nn.Sequential(*decoder)


def strided_encoder(image_shape: tuple[int, int, int], channels: Sequence[int], code: int) -> nn.Module:
    """Return the encoder of `strided`, which maps (N, C, H, W) to codes (N, code)."""
    colors, height, width = image_shape
    factor = 2 ** len(channels)
    layers: list[nn.Module] = [PadToMultiple(factor)] if height % factor or width % factor else []
    for before, after in pairwise([colors, *channels]):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(prod(smallest_map(image_shape, channels)), code)]
    return nn.Sequential(*layers)


def smallest_map(image_shape: tuple[int, int, int], channels: Sequence[int]) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of the encoder's last feature map."""
    colors, height, width = image_shape
    factor = 2 ** len(channels)
    return [colors, *channels][-1], -(-height // factor), -(-width // factor)
