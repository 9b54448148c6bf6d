"""Levels <-> a bit stream whose length is close to their entropy: asymmetric numeral systems, by constriction.

Duda, "Asymmetric numeral systems", 2013; Bamler, "Understanding entropy coding with asymmetric numeral systems", 2022.
The coder is constriction's; only its model is our own: independent levels, with one distribution for all channels or
one per channel. The tests check that streams are within 1% of the entropy of that model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coded:
    """Entropy-coded levels."""

    words: NDArray[np.uint32]
    """The bit stream."""
    frequencies: NDArray[np.uint32]
    """Counts of each level, which are the model of the coder: (1, levels) for all channels, or (C, levels) for each."""


def entropy_encode(levels: NDArray[np.uint8], bits: int) -> Coded:
    """Encode (N, C, ...) levels below 2**bits, with one model for all channels or one per channel.

    The smaller result is returned.
    """
    channels = np.moveaxis(levels, 1, 0).reshape(levels.shape[1], -1)  # (C, N * units)
    separate = np.stack([np.bincount(values, minlength=2**bits) for values in channels]).astype(np.uint32)
    shared = separate.sum(axis=0, keepdims=True, dtype=np.uint32)
    candidates = [Coded(_encode(channels, frequencies), frequencies) for frequencies in (shared, separate)]
    return min(candidates, key=_size)


def entropy_decode(coded: Coded, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the levels, which have this (N, C, ...) shape.

    Raises:
        ValueError: the stream or its models do not fit the shape.
    """
    from constriction import stream

    channels = np.empty((shape[1], int(np.prod(shape, dtype=np.int64)) // max(shape[1], 1)), np.uint8)
    if len(coded.frequencies) not in {1, shape[1]}:
        raise ValueError(f"{len(coded.frequencies)} models for {shape[1]} channels")
    coder = stream.stack.AnsCoder(coded.words)
    for index in range(shape[1]):
        channels[index] = coder.decode(_model(coded.frequencies, index), channels.shape[1])
    if not coder.is_empty():
        raise ValueError("the stream has more levels than the shape")
    return np.moveaxis(channels.reshape(shape[1], shape[0], *shape[2:]), 0, 1)


def _encode(channels: NDArray[np.uint8], frequencies: NDArray[np.uint32]) -> NDArray[np.uint32]:
    from constriction import stream

    coder = stream.stack.AnsCoder()
    for index in reversed(range(len(channels))):  # the coder is a stack: the last channel encoded is decoded first
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
