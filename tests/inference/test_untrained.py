"""Codes of the same network with random weights: the same each time, and unlike those of the trained one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aecli.codes import load_codes
from aecli.errors import InputError
from aecli.inference.untrained import untrained_encoder, untrained_vectors


def test_codes_have_the_same_shape_but_other_values(codes_file: Path, digits: NDArray[np.uint8]) -> None:
    codes = load_codes(codes_file)
    before = torch.random.get_rng_state()
    first, again = (untrained_vectors(untrained_encoder(codes.meta), digits) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(first, again)
    trained = codes.codes.reshape(len(digits), -1)
    assert first.shape == trained.shape
    assert not np.allclose(first, trained, atol=0.1)


def test_a_network_that_is_unknown_or_cannot_be_built_is_refused(codes_file: Path) -> None:
    meta = load_codes(codes_file).meta
    assert meta.network
    for network in (None, replace(meta.network, architecture="other"), replace(meta.network, arguments={"size": -1})):
        with pytest.raises(InputError):
            untrained_encoder(replace(meta, network=network))
