"""A trained model and what it makes of the test digits."""

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

import aecli
from aecli.inference.model import Model, ModelOutput


@pytest.fixture(scope="session")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


@pytest.fixture(scope="session")
def output(model: Model, digits: NDArray[Any]) -> ModelOutput:
    (found,) = model.outputs(digits)
    return found
