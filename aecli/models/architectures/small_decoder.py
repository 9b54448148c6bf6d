"""Strided convolutions with a decoder of few parameters, for compression: the decoder is stored with the codes."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from aecli.models.layers import CropTo, PadToMultiple

SLOPE = 0.1


def small_decoder(
    image_shape: tuple[int, int, int],
    *,
    encoder: Sequence[int] = (32, 64),
    code: int = 8,
    decoder: Sequence[int] = (24, 16),
) -> tuple[nn.Module, nn.Module]:
    """Encode with 4x4 convolutions to `encoder` channels, each halving the sides, then two 3x3 ones to `code` channels.

    The decoder has two 3x3 convolutions to the first of the `decoder` channels, then transposed 4x4 convolutions that
    double the sides, one for each of the encoder's. Leaky ReLU follows every layer except the code and the last one. An
    image whose sides are not multiples of 2^len(encoder) is padded at its right and lower edges by repeating the last
    pixels, and cropped after decoding.
    """
    colors, height, width = image_shape
    if len(encoder) != len(decoder):
        raise ValueError(f"the encoder halves the sides {len(encoder)} times, the decoder doubles {len(decoder)} times")
    factor = 2 ** len(encoder)
    down: list[nn.Module] = [PadToMultiple(factor)] if height % factor or width % factor else []
    for before, after in pairwise([colors, *encoder]):
        down += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE)]
    last = encoder[-1]
    down += [nn.Conv2d(last, last, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Conv2d(last, code, 3, padding=1)]

    first = decoder[0]
    up: list[nn.Module] = [nn.Conv2d(code, first, 3, padding=1), nn.LeakyReLU(SLOPE)]
    up += [nn.Conv2d(first, first, 3, padding=1)]
    for before, after in pairwise([*decoder, colors]):
        up += [nn.LeakyReLU(SLOPE), nn.ConvTranspose2d(before, after, 4, 2, 1)]
    if height % factor or width % factor:
        up.append(CropTo(height, width))
    return nn.Sequential(*down), nn.Sequential(*up)
