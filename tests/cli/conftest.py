"""What the tests of single commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def detect(aecli, conv_run) -> Callable:
    def run(*words: str | Path, **streams: bytes):
        return aecli("detect", *words, "--model", conv_run, **streams)

    return run


@pytest.fixture
def digit(pictures) -> Path:
    return pictures / "a" / "0.png"
