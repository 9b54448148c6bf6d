"""Levels <-> a stream of bits whose length is their entropy: asymmetric numeral systems, by constriction.

Duda, "Asymmetric numeral systems", 2013; Bamler, "Understanding entropy coding with asymmetric numeral systems", 2022.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coded:
    """Levels as entropy-coded."""

    words: NDArray[np.uint32]
    """The stream."""
    frequencies: NDArray[np.uint32]
    """(1, levels) or (C, levels): how often each level occurs, in all or in each channel; the model of the coder."""


def entropy_encode(levels: NDArray[np.uint8], bits: int) -> Coded:
    """Code (N, C, ...) levels below 2**bits, with one model for all channels or one each, whichever takes less."""
    channels = np.moveaxis(levels, 1, 0).reshape(levels.shape[1], -1)  # (C, N * units)
    each = np.stack([np.bincount(values, minlength=2**bits) for values in channels]).astype(np.uint32)
    shared = each.sum(axis=0, keepdims=True, dtype=np.uint32)
    candidates = [Coded(_encode(channels, frequencies), frequencies) for frequencies in (shared, each)]
    return min(candidates, key=_size)


def entropy_decode(coded: Coded, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the levels of this shape, bit for bit as they were coded.

    Raises:
        ValueError: the stream does not hold such levels.
    """
    from constriction import stream

    channels = np.empty((shape[1], int(np.prod(shape, dtype=np.int64)) // max(shape[1], 1)), np.uint8)
    if len(coded.frequencies) not in {1, shape[1]}:
        raise ValueError(f"{len(coded.frequencies)} models for {shape[1]} channels")
    coder = stream.stack.AnsCoder(coded.words)
    for index in range(shape[1]):
        channels[index] = coder.decode(_model(coded.frequencies, index), channels.shape[1])
    if not coder.is_empty():
        raise ValueError("the stream is longer than its levels")
    return np.moveaxis(channels.reshape(shape[1], shape[0], *shape[2:]), 0, 1)


def entropy_bits(levels: NDArray[np.uint8], bits: int) -> float:
    """Return the empirical entropy in bits of (N, C, ...) levels, each channel with its own distribution."""
    total = 0.0
    for values in np.moveaxis(levels, 1, 0).reshape(levels.shape[1], -1):
        counts = np.bincount(values, minlength=2**bits)
        counts = counts[counts > 0]
        total += float(-(counts * np.log2(counts / counts.sum())).sum())
    return total


def _encode(channels: NDArray[np.uint8], frequencies: NDArray[np.uint32]) -> NDArray[np.uint32]:
    from constriction import stream

    coder = stream.stack.AnsCoder()
    for index in reversed(range(len(channels))):  # a stack: what is coded last is decoded first
        coder.encode_reverse(channels[index].astype(np.int32), _model(frequencies, index))
    words: NDArray[np.uint32] = coder.get_compressed()
    return words


def _model(frequencies: NDArray[np.uint32], index: int) -> Any:
    from constriction import stream

    counts = frequencies[index if len(frequencies) > 1 else 0].astype(np.float64)
    probabilities = counts / counts.sum() if counts.any() else np.full(len(counts), 1 / len(counts))
    return stream.model.Categorical(probabilities, perfect=False)


def _size(coded: Coded) -> int:
    import zlib

    return coded.words.nbytes + len(zlib.compress(coded.frequencies.tobytes()))
