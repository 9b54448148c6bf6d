"""Values of codes <-> whole numbers of few bits, channel by channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTISED_BITS = (8, 6, 4, 3, 2)
HISTOGRAM_BINS = 1024
CLIPPINGS = np.linspace(0.05, 1.0, 96)
"""Shares of the range of values that are tried; what lies outside is clipped."""


@dataclass(frozen=True)
class Quantiser:
    """A uniform scalar quantiser for each channel, the first axis of a code: value = offset + step * level."""

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


def fit_quantiser(codes: NDArray[np.float32], bits: int) -> Quantiser:
    """Choose offset and step for each channel of (N, C, ...) codes so that the mean squared error is least.

    Few levels are better spent on where the values are than on the rarest: the range from least to greatest value is
    shrunk towards zero (or its end nearest to zero) by the share that gives the least error on these codes.
    """
    channels = np.moveaxis(codes, 1, 0).reshape(codes.shape[1], -1)  # (C, N * units)
    chosen = [_fit_channel(values, 2**bits - 1) for values in channels]
    return Quantiser(bits, [offset for offset, _ in chosen], [step for _, step in chosen])


def fit_quantisers(codes: NDArray[np.float32], bits: Sequence[int] = QUANTISED_BITS) -> list[Quantiser]:
    """Return `fit_quantiser` for each number of bits."""
    return [fit_quantiser(codes, number) for number in bits]


def _fit_channel(values: NDArray[np.float32], greatest_level: int) -> tuple[float, float]:
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if len(values) and not low <= 0 <= high:  # initial=0 let zero in: take the values' own ends
        low, high = float(values.min()), float(values.max())
    if high - low <= 0:
        return low, 1.0
    counts, edges = np.histogram(values, HISTOGRAM_BINS, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2  # (B,)
    anchor = min(max(0.0, low), high)
    lows = anchor + CLIPPINGS * (low - anchor)  # (K,)
    steps = (CLIPPINGS * (high - anchor) - CLIPPINGS * (low - anchor)) / greatest_level  # (K,)
    levels = np.rint((centres - lows[:, None]) / steps[:, None]).clip(0, greatest_level)  # (K, B)
    errors = (levels * steps[:, None] + lows[:, None] - centres) ** 2 @ counts  # (K,)
    best = int(errors.argmin())
    return float(np.float32(lows[best])), float(np.float32(steps[best]))


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
