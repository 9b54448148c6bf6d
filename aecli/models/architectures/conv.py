"""Convolutional: the code is a small feature map."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from aecli.models.layers import CropTo, PadToMultiple, PooledConv2d, UpsampledConv2d


def conv(image_shape: tuple[int, int, int], *, channels: Sequence[int] = (16, 8, 4)) -> tuple[nn.Module, nn.Module]:
    """Encode with 3x3 convolutions to `channels`, halving the sides after each but the last; decode in reverse.

    With the defaults at 28x28x1, 3,221 parameters and a code of 4 x 7 x 7: conv 1->16, average-pool 2, ReLU,
    conv 16->8, average-pool 2, ReLU, conv 8->4, ReLU; then conv 4->8, nearest upsample 2, ReLU, conv 8->16,
    upsample 2, ReLU, conv 16->1. If pooling does not divide the sides of an image, it is padded at its right and
    lower edges by repeating the last pixels, and cropped after decoding.

    Pooling and upsampling are part of the convolutions here, for speed: see `layers.py`. Function, parameters and
    gradients are the same.
    """
    colors, height, width = image_shape
    factor = 2 ** (len(channels) - 1)
    *wide, narrow = channels

    encoder: list[nn.Module] = []
    if height % factor or width % factor:
        encoder.append(PadToMultiple(factor))
    for before, after in pairwise([colors, *wide]):
        encoder += [PooledConv2d(before, after), nn.ReLU()]
    encoder += [nn.Conv2d(wide[-1] if wide else colors, narrow, 3, padding=1), nn.ReLU()]

    # Upsampling and the ReLU after it commute, so that the upsampling can be merged into the next convolution.
    decoder: list[nn.Module] = []
    widths = [narrow, *reversed(wide), colors]
    for index, (before, after) in enumerate(pairwise(widths)):
        decoder.append(nn.Conv2d(before, after, 3, padding=1) if index == 0 else UpsampledConv2d(before, after))
        decoder.append(nn.ReLU())
    decoder.pop()
    if height % factor or width % factor:
        decoder.append(CropTo(height, width))
    return nn.Sequential(*encoder), nn.Sequential(*decoder)
