"""Strided convolutions to a linear code, and a decoder of two linear layers."""

from collections.abc import Sequence
from math import prod

from torch import nn

from aecli.models.architectures.strided import strided_encoder
from aecli.models.layers import FixedLength


def strided_dense(
    image_shape: tuple[int, int, int],
    *,
    channels: Sequence[int] = (16, 32, 64, 128),
    code: int = 32,
    hidden: int = 512,
    fixed_length: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """Encode as `strided` does; decode with a linear layer to `hidden` units, ReLU and a linear layer to the pixels.

    For images of about 28x28 pixels, this decoder takes a fraction of the time of convolutions. The last layer has
    `hidden` parameters for each value of the image, so large images are better served by `strided`. With
    `fixed_length`, all codes have the same length, so that Euclidean distance ranks them as cosine distance does.
    """
    decoder = nn.Sequential(
        nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, prod(image_shape)), nn.Unflatten(1, image_shape)
    )
    encoder = strided_encoder(image_shape, channels, code)
    return (nn.Sequential(encoder, FixedLength()) if fixed_length else encoder), decoder
