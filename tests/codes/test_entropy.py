"""Streams are decoded exactly, and are about as long as the entropy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.codes.entropy import Coded, entropy_decode, entropy_encode
from aecli.codes.quantizer import QUANTIZED_BITS


def entropy_bits(levels: NDArray[np.uint8], bits: int) -> float:
    """Return the empirical entropy in bits of (N, C, ...) levels, each channel with its own distribution."""
    total = 0.0
    for values in np.moveaxis(levels, 1, 0).reshape(levels.shape[1], -1):
        counts = np.bincount(values, minlength=2**bits)
        counts = counts[counts > 0]
        total += float(-(counts * np.log2(counts / counts.sum())).sum())
    return total


@pytest.mark.parametrize("bits", QUANTIZED_BITS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (50, 4, 3, 3), (200, 16), (0, 2)])
def test_decoding_returns_the_encoded_levels(bits: int, shape: tuple[int, ...]) -> None:
    levels = np.random.default_rng(0).binomial(2**bits - 1, 0.2, size=shape).astype(np.uint8)
    assert np.array_equal(entropy_decode(entropy_encode(levels, bits), shape), levels)


@pytest.mark.parametrize("bits", QUANTIZED_BITS)
def test_the_stream_is_within_one_percent_of_the_entropy(bits: int) -> None:
    random = np.random.default_rng(0)
    levels = random.binomial(2**bits - 1, [[[0.05]], [[0.3]], [[0.8]]], size=(2000, 3, 8, 1)).astype(np.uint8)
    coded = entropy_encode(levels, bits)
    assert 0.999 < coded.words.nbytes * 8 / entropy_bits(levels, bits) < 1.01


def test_equal_levels_take_almost_no_space() -> None:
    assert entropy_encode(np.full((1000, 3), 2, np.uint8), 2).words.nbytes <= 4


def test_a_stream_that_does_not_fit_the_shape_is_refused() -> None:
    levels = np.random.default_rng(0).integers(4, size=(100, 2)).astype(np.uint8)
    coded = entropy_encode(levels, 2)
    with pytest.raises(ValueError, match="stream"):
        entropy_decode(coded, (50, 2))
    with pytest.raises(ValueError, match="models"):
        entropy_decode(Coded(coded.words, np.ones((7, 4), np.uint32)), (100, 2))
