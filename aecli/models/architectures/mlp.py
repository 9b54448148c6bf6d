"""Fully connected: every pixel is an input, the code is one vector."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn


def mlp(
    image_shape: tuple[int, int, int], *, hidden: Sequence[int] = (256,), code: int = 128
) -> tuple[nn.Module, nn.Module]:
    """Encode through `hidden` layers to a vector of `code` units, each followed by ReLU; decode in reverse.

    With the defaults at 28x28x1 this is the laboratory's model: 784-256-ReLU-128-ReLU and 128-256-ReLU-784,
    468,368 parameters. The last layer of the decoder is linear.
    """
    widths = [prod(image_shape), *hidden, code]
    encoder: list[nn.Module] = [nn.Flatten()]
    for wide, narrow in pairwise(widths):
        encoder += [nn.Linear(wide, narrow), nn.ReLU()]
    decoder: list[nn.Module] = []
    for narrow, wide in pairwise(reversed(widths)):
        decoder += [nn.Linear(narrow, wide), nn.ReLU()]
    decoder[-1] = nn.Unflatten(1, image_shape)
    return nn.Sequential(*encoder), nn.Sequential(*decoder)
