"""A trained model and what it makes of the test digits."""

from pathlib import Path

import numpy as np
import pytest

import aecli
from aecli.inference.model import Model, Outcome


@pytest.fixture(scope="session")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


@pytest.fixture(scope="session")
def outcome(model: Model, digits: np.ndarray) -> Outcome:
    (found,) = model.outcomes(digits)
    return found
