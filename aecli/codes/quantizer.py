"""Values of codes <-> integer levels of a few bits, with one scale per channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTIZED_BITS = (8, 6, 4, 3, 2)
HISTOGRAM_BINS = 1024
CLIPPINGS = np.linspace(0.05, 1.0, 96)
"""Fractions of the range of values that are tried as the range of the levels; values outside are clipped."""


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
        """Return the nearest levels of (N, C, ...) codes, in the same shape."""
        offset, step = self._broadcast(codes.ndim)
        levels: NDArray[np.float32] = np.rint((codes - offset) / step)
        return levels.clip(0, 2**self.bits - 1).astype(np.uint8)

    def values(self, levels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the values of (N, C, ...) levels, in the same shape."""
        offset, step = self._broadcast(levels.ndim)
        return levels * step + offset

    def _broadcast(self, dimensions: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        shape = (1, -1, *[1] * (dimensions - 2))
        return np.array(self.offset, np.float32).reshape(shape), np.array(self.step, np.float32).reshape(shape)


def fit_quantizer(codes: NDArray[np.float32], bits: int) -> Quantizer:
    """Choose the offset and step of each channel of (N, C, ...) codes that minimize the mean squared error.

    The range from the lowest to the highest value is shrunk towards zero, or towards its end closest to zero, as rare
    outliers are better clipped than given levels of their own. The best of `CLIPPINGS` on these codes is chosen.
    """
    return fit_quantizers(codes, [bits])[0]


def fit_quantizers(codes: NDArray[np.float32], bits: Sequence[int] = QUANTIZED_BITS) -> list[Quantizer]:
    """Return the result of `fit_quantizer` for each number of bits."""
    channels = np.moveaxis(codes, 1, 0).reshape(codes.shape[1], -1)  # (C, N * units)
    chosen = [_fit_channel(values, [2**number - 1 for number in bits]) for values in channels]  # (C, bits, 2)
    offsets = [[channel[index][0] for channel in chosen] for index in range(len(bits))]
    steps = [[channel[index][1] for channel in chosen] for index in range(len(bits))]
    return [Quantizer(*fitted) for fitted in zip(bits, offsets, steps, strict=True)]


def _fit_channel(values: NDArray[np.float32], highest_levels: Sequence[int]) -> list[tuple[float, float]]:
    """Return the offset and step for each number of levels, given by the highest level."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if high - low <= 0:
        return [(low, 1.0)] * len(highest_levels)
    counts, edges = np.histogram(values.astype(np.float64), HISTOGRAM_BINS, (low, high))
    centers, occupied = (edges[:-1] + edges[1:]) / 2, counts > 0  # (B,)
    anchor = min(max(0.0, low), high)
    lows = anchor + CLIPPINGS * (low - anchor)  # (K,)
    ranges = CLIPPINGS * (high - low)  # (K,)
    # Positions of the values in each range: 0 to 1, or outside if they are clipped.
    within = ((centers[occupied] - lows[:, None]) / ranges[:, None]).astype(np.float32)  # (K, B)
    weights, chosen = counts[occupied].astype(np.float32), []
    for highest in highest_levels:
        exact = within * np.float32(highest)
        error = np.rint(exact)
        np.clip(error, 0, highest, out=error)
        error -= exact
        error *= error
        best = int(((error @ weights) * (ranges / highest) ** 2).argmin())  # among (K,)
        chosen.append((float(np.float32(lows[best])), float(np.float32(ranges[best] / highest))))
    return chosen


def pack(levels: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Pack levels of `bits` each into bytes without gaps, (ceil(size * bits / 8),)."""
    planes = np.unpackbits(levels.reshape(-1, 1), axis=1)[:, 8 - bits :]  # (size, bits)
    return np.packbits(planes)


def unpack(packed: NDArray[np.uint8], bits: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the levels that `pack` packed, in the given shape.

    Raises:
        ValueError: `packed` does not have the size of that many levels.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if len(packed) != -(-size * bits // 8):
        raise ValueError(f"{len(packed)} bytes instead of {size} levels of {bits} bits")
    planes = np.unpackbits(packed, count=size * bits).reshape(size, bits) if size else np.empty((0, bits), np.uint8)
    padded = np.zeros((size, 8), np.uint8)
    padded[:, 8 - bits :] = planes
    return np.packbits(padded, axis=1).reshape(shape)
