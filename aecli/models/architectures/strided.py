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
    factor = 2 ** len(channels)
    fits = height % factor == 0 and width % factor == 0
    widths = [colors, *channels]
    smallest = (widths[-1], -(-height // factor), -(-width // factor))

    encoder: list[nn.Module] = [] if fits else [PadToMultiple(factor)]
    for before, after in pairwise(widths):
        encoder += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
    encoder += [nn.Flatten(), nn.Linear(prod(smallest), code)]

    decoder: list[nn.Module] = [nn.Linear(code, prod(smallest)), nn.Unflatten(1, smallest)]
    for before, after in pairwise(reversed(widths)):
        decoder += [nn.ReLU(), UpsampledConv2d(before, after)]
    if not fits:
        decoder.append(CropTo(height, width))
    return nn.Sequential(*encoder), nn.Sequential(*decoder)
