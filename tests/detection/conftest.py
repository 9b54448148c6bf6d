"""Fixtures of a trained model and its output."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.inference.model import Model, ModelOutput


@pytest.fixture(scope="session")
def model(conv_run: Path) -> Model:
    """Return a convolutional model of 8x8 digits."""
    return aecli.load(conv_run, device="cpu")


@pytest.fixture(scope="session")
def output(model: Model, digits: NDArray[np.uint8]) -> ModelOutput:
    """Return the model's output for the test digits."""
    (whole,) = model.outputs(digits)
    return whole
