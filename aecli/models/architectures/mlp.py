"""Fully connected: the code is one vector."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from aecli.errors import unknown

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


def mlp(
    image_shape: tuple[int, int, int], *, hidden: Sequence[int] = (256,), code: int = 128, activation: str = "relu"
) -> tuple[nn.Module, nn.Module]:
    """Encode through `hidden` layers to a vector of `code` units, each followed by `activation`; decode in reverse.

    With the defaults at 28x28x1: 784-256-ReLU-128-ReLU and 128-256-ReLU-784, 468,368 parameters. The last layer of the
    decoder is linear.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(unknown("activation", activation, ACTIVATIONS))
    activate = ACTIVATIONS[activation]
    widths = [prod(image_shape), *hidden, code]
    encoder: list[nn.Module] = [nn.Flatten()]
    for wide, narrow in pairwise(widths):
        encoder += [nn.Linear(wide, narrow), activate()]
    decoder: list[nn.Module] = []
    for narrow, wide in pairwise(reversed(widths)):
        decoder += [nn.Linear(narrow, wide), activate()]
    decoder[-1] = nn.Unflatten(1, image_shape)
    return nn.Sequential(*encoder), nn.Sequential(*decoder)
