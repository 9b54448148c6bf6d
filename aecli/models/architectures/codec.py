"""A transform for image compression and networks beside it that start at zero, for images of any size."""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aecli.models.layers import CropTo, PadToMultiple, PixelUnshuffle

BLOCK = 16
"""Pixels between two positions of the code, and the side of the blocks that the transform starts from."""
SHUFFLED = 4
"""The networks work on 4x4 pixels as channels."""
SLOPE = 0.1
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""ITU-T T.871 (JFIF), from RGB."""
DEFAULT_COEFFICIENTS = 64
CHROMA_SHARE = 4
"""The transform of color images starts with this many times fewer coefficients for each of Cb and Cr than for Y."""


def codec(
    image_shape: tuple[int, int, int],
    *,
    coefficients: int = 0,
    encoder: Sequence[int] = (48, 64),
    decoder: Sequence[int] = (96, 64, 32),
) -> tuple[nn.Module, nn.Module]:
    """Encode with a linear transform plus a network, and decode with the inverse transform plus another one.

    The transform is a 32x32 convolution with stride 16 that starts as the first `coefficients` functions, in zigzag
    order, of the discrete cosine transform of 16x16 pixels. Of color images it transforms each of three planes by
    itself, which start as Y, Cb and Cr, with a quarter as many functions for each of Cb and Cr. The last layers of both
    networks start at zero, so that training starts from transform coding. In `train`, 0 `coefficients` are as many as
    the training images need, 64 to 256. `encoder` and `decoder` are the channels of the networks. Images of any size
    can be encoded: they are padded at the right and lower edges to multiples of 16 by repeating the last pixels.
    """
    colors, height, width = image_shape
    coefficients = coefficients or DEFAULT_COEFFICIENTS
    if not 1 <= coefficients <= BLOCK**2:
        raise ValueError(f"{coefficients} coefficients, not 1 to {BLOCK**2}")
    counts = (coefficients, *[max(1, coefficients // CHROMA_SHARE)] * 2) if colors > 1 else (coefficients,)
    return Encoder(counts, encoder), Decoder(counts, decoder, (height, width))


class Encoder(nn.Module):
    """(N, C, H, W) -> (N, code channels, ceil(H / 16), ceil(W / 16))."""

    LEARNING_RATES: ClassVar[dict[str, float]] = {"color.": 0.2, "transform.": 0.2}
    """Factors of the learning rate, by prefix of the parameters' names."""

    def __init__(self, counts: Sequence[int], channels: Sequence[int]):
        super().__init__()
        code, colors = sum(counts), len(counts)
        first, second = channels
        self.any_size = True
        self.pad = PadToMultiple(BLOCK)
        self.color = ColorMatrix(np.array(YCBCR)) if colors > 1 else nn.Identity()
        self.transform = Transform(counts)
        self.network = nn.Sequential(
            PixelUnshuffle(),
            PixelUnshuffle(),
            nn.Conv2d(colors * SHUFFLED**2, first, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(first, second, 4, 2, 1),
            nn.LeakyReLU(SLOPE),
            _zero(nn.Conv2d(second, code, 4, 2, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.pad(x)
        code: Tensor = self.transform(self.color(x)) + self.network(x)
        return code


class Decoder(nn.Module):
    """(N, code channels, h, w) -> (N, C, H, W); `expand` does not crop the last pixels of the padded image."""

    LEARNING_RATES: ClassVar[dict[str, float]] = Encoder.LEARNING_RATES

    def __init__(self, counts: Sequence[int], channels: Sequence[int], size: tuple[int, int]):
        super().__init__()
        code, colors = sum(counts), len(counts)
        first, second, third = channels
        self.transform = InverseTransform(counts)
        self.color = ColorMatrix(np.linalg.inv(np.array(YCBCR))) if colors > 1 else nn.Identity()
        self.network = nn.Sequential(
            nn.Conv2d(code, first, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(first, second, 4, 2, 1),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(second, third, 4, 2, 1),
            nn.LeakyReLU(SLOPE),
            _zero(nn.Conv2d(third, colors * SHUFFLED**2, 3, padding=1)),
            nn.PixelShuffle(SHUFFLED),
        )
        self.crop = CropTo(*size)

    def expand(self, codes: Tensor) -> Tensor:
        """Codes -> images whose sides are multiples of 16."""
        images: Tensor = self.color(self.transform(codes))
        return images.add_(self.network(codes))

    def expand_some(self, codes: Tensor, channels: Tensor) -> Tensor:
        """Expand codes that are zero in all but these channels, in ascending order, in proportionally less time.

        `codes` has these channels alone.
        """
        first = self.network[0]
        assert isinstance(first, nn.Conv2d)
        hidden = nn.functional.conv2d(codes, first.weight[:, channels], first.bias, padding=1)
        images: Tensor = self.color(self.transform.of_some(codes, channels))
        return images.add_(self.network[1:](hidden))

    def forward(self, codes: Tensor) -> Tensor:
        return self.crop(self.expand(codes))  # type: ignore[no-any-return]


class ColorMatrix(nn.Module):
    """Multiply the color of each pixel by a learned matrix: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, start: NDArray[np.float64]):
        super().__init__()
        self.weight = nn.Parameter(_float32(start))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight[:, :, None, None])


class PlaneKernels(nn.Module):
    """32x32 kernels, (code channels, 1, 32, 32), of which `counts` belong to each plane; they start as cosines."""

    def __init__(self, counts: Sequence[int]):
        super().__init__()
        self.counts = list(counts)
        self.weight = nn.Parameter(_kernels(counts))


class Transform(PlaneKernels):
    """Planes, (N, P, H, W) -> codes, (N, code channels, H / 16, W / 16)."""

    def forward(self, planes: Tensor) -> Tensor:
        pairs = zip(planes.chunk(len(self.counts), 1), torch.split(self.weight, self.counts), strict=True)
        return torch.cat(
            [nn.functional.conv2d(plane, kernels, stride=BLOCK, padding=BLOCK // 2) for plane, kernels in pairs], 1
        )


class InverseTransform(PlaneKernels):
    """Codes -> planes, by the transposed convolution with kernels of its own."""

    def forward(self, codes: Tensor) -> Tensor:
        return _overlapping_planes(codes, self.weight, self.counts)

    def of_some(self, codes: Tensor, channels: Tensor) -> Tensor:
        """Return the planes of codes that have these channels alone, in ascending order."""
        bounds = np.searchsorted(channels.cpu().numpy(), [0, *np.cumsum(self.counts)])
        return _overlapping_planes(codes, self.weight[channels], np.diff(bounds).tolist())


def _overlapping_planes(codes: Tensor, kernels: Tensor, counts: list[int]) -> Tensor:
    pairs = zip(torch.split(codes, counts, 1), torch.split(kernels, counts), strict=True)
    return torch.cat([overlapping_blocks(*pair) for pair in pairs], 1)


def overlapping_blocks(codes: Tensor, kernels: Tensor) -> Tensor:
    """Compute `conv_transpose2d(codes, kernels, stride=16, padding=8)` of (code, 1, 32, 32), three times as fast.

    Each 16x16 block of the result is the sum of quarters of 4 kernels: a 2x2 convolution of the codes whose channels
    are the pixels of a block.
    """
    count, code, height, width = codes.shape
    if code == 0:
        return codes.new_zeros(count, 1, height * BLOCK, width * BLOCK)
    quarters = kernels.view(code, 2, BLOCK, 2, BLOCK).permute(2, 4, 0, 1, 3).flip(3, 4)
    blocks = nn.functional.conv2d(nn.functional.pad(codes, (1, 1, 1, 1)), quarters.reshape(BLOCK**2, code, 2, 2))
    edge = BLOCK // 2  # of (N, 256, h + 1, w + 1)
    return nn.functional.pixel_shuffle(blocks, BLOCK)[:, :, edge:-edge, edge:-edge]


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the layer with weights and bias of 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _kernels(counts: Sequence[int]) -> Tensor:
    """Return the first cosine functions for each plane, (sum of counts, 1, 32, 32), zero but for 16x16."""
    functions = np.concatenate([_cosines()[:count, None] for count in counts])
    edge = (BLOCK // 2, BLOCK // 2)
    return _float32(np.pad(functions, ((0, 0), (0, 0), edge, edge)))


def _float32(values: NDArray[np.float64]) -> Tensor:
    """Return numbers of numpy as a tensor.

    Kernels are computed by numpy: where networks are built without weights, torch would import its compiler for them.
    """
    return torch.from_numpy(values.astype(np.float32)).to(torch.get_default_device())


def _cosines() -> NDArray[np.float64]:
    """Return the functions of the orthonormal two-dimensional DCT-II in zigzag order, (256, 16, 16)."""
    position = np.arange(BLOCK)
    basis = np.cos(np.pi / BLOCK * (position + 0.5) * position[:, None]) * math.sqrt(2 / BLOCK)  # (16, 16)
    basis[0] /= math.sqrt(2)
    order = sorted(
        ((row, column) for row in range(BLOCK) for column in range(BLOCK)),
        key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]),
    )
    rows, columns = np.array(order).T
    functions: NDArray[np.float64] = basis[rows, :, None] * basis[columns, None, :]
    return functions
