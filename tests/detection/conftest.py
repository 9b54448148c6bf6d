"""A trained model and what it makes of the test digits."""

from pathlib import Path

import numpy as np
import pytest

import aecli
from aecli.inference.model import Model, ModelOutput


@pytest.fixture(scope="session")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


@pytest.fixture(scope="session")
def output(model: Model, digits: np.ndarray) -> ModelOutput:
    (found,) = model.outputs(digits)
    return found
