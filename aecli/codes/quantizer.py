"""Values of codes <-> whole numbers of few bits, channel by channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTIZED_BITS = (8, 6, 4, 3, 2)
HISTOGRAM_BINS = 1024
CLIPPINGS = np.linspace(0.05, 1.0, 96)
"""Shares of the range of values that are tried; what lies outside is clipped."""


@dataclass(frozen=True)
class Quantizer:
    """A uniform scalar quantizer for each channel, the first axis of a code: value = offset + step * level."""

    bits: int
    """Levels are 0 .. 2**bits - 1."""
    offset: list[float]
    """(C,)"""
    step: list[float]
    """(C,), greater than 0."""

    def levels(self, codes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the levels, uint8 of the codes' shape (N, C, ...), that are nearest to the values."""
        offset, step = self._broadcast(codes.ndim)
        levels: NDArray[np.float32] = np.rint((codes - offset) / step)
        return levels.clip(0, 2**self.bits - 1).astype(np.uint8)

    def values(self, levels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the values, float32 of the levels' shape (N, C, ...)."""
        offset, step = self._broadcast(levels.ndim)
        return levels * step + offset

    def _broadcast(self, dimensions: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        shape = (1, -1, *[1] * (dimensions - 2))
        return np.array(self.offset, np.float32).reshape(shape), np.array(self.step, np.float32).reshape(shape)


def fit_quantizer(codes: NDArray[np.float32], bits: int) -> Quantizer:
    """Choose offset and step for each channel of (N, C, ...) codes so that the mean squared error is least.

    Few levels are better spent on where the values are than on the rarest: the range from least to greatest value is
    shrunk towards zero (or its end nearest to zero) by the share that gives the least error on these codes.
    """
    return fit_quantizers(codes, [bits])[0]


def fit_quantizers(codes: NDArray[np.float32], bits: Sequence[int] = QUANTIZED_BITS) -> list[Quantizer]:
    """Return `fit_quantizer` for each number of bits."""
    channels = np.moveaxis(codes, 1, 0).reshape(codes.shape[1], -1)  # (C, N * units)
    chosen = [_fit_channel(values, [2**number - 1 for number in bits]) for values in channels]
    offsets = [[each[which][0] for each in chosen] for which in range(len(bits))]
    steps = [[each[which][1] for each in chosen] for which in range(len(bits))]
    return [Quantizer(*fitted) for fitted in zip(bits, offsets, steps, strict=True)]


def _fit_channel(values: NDArray[np.float32], greatest_levels: Sequence[int]) -> list[tuple[float, float]]:
    """Return offset and step for each greatest level."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if len(values) and not low <= 0 <= high:  # initial=0 let zero in: take the values' own ends
        low, high = float(values.min()), float(values.max())
    if high - low <= 0:
        return [(low, 1.0)] * len(greatest_levels)
    counts, edges = np.histogram(values, HISTOGRAM_BINS, (low, high))
    centers, occupied = (edges[:-1] + edges[1:]) / 2, counts > 0  # (B,)
    anchor = min(max(0.0, low), high)
    lows = anchor + CLIPPINGS * (low - anchor)  # (K,)
    ranges = CLIPPINGS * (high - low)  # (K,)
    # Where the values are in each range: 0 to 1, and outside where they are clipped.
    within = ((centers[occupied] - lows[:, None]) / ranges[:, None]).astype(np.float32)  # (K, B)
    weights, chosen = counts[occupied].astype(np.float32), []
    for greatest in greatest_levels:
        exact = within * np.float32(greatest)
        error = np.rint(exact)
        np.clip(error, 0, greatest, out=error)
        error -= exact
        error *= error
        best = int(((error @ weights) * (ranges / greatest) ** 2).argmin())  # of (K,)
        chosen.append((float(np.float32(lows[best])), float(np.float32(ranges[best] / greatest))))
    return chosen


def pack(levels: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Put levels of `bits` each one behind another: (ceil(size * bits / 8),) uint8."""
    planes = np.unpackbits(levels.reshape(-1, 1), axis=1)[:, 8 - bits :]  # (size, bits)
    return np.packbits(planes)


def unpack(packed: NDArray[np.uint8], bits: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Undo `pack`.

    Raises:
        ValueError: `packed` does not hold that many levels.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if len(packed) != -(-size * bits // 8):
        raise ValueError(f"{len(packed)} bytes do not hold {size} levels of {bits} bits")
    planes = np.unpackbits(packed, count=size * bits).reshape(size, bits) if size else np.empty((0, bits), np.uint8)
    padded = np.zeros((size, 8), np.uint8)
    padded[:, 8 - bits :] = planes
    return np.packbits(padded, axis=1).reshape(shape)
