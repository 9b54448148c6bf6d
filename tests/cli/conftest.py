"""What the tests of single commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Run


@pytest.fixture
def detect(aecli: Run, conv_run: Path) -> Callable[..., Any]:
    def run(*words: str | Path, **streams: bytes):
        return aecli("detect", *words, "--model", conv_run, **streams)

    return run


@pytest.fixture
def digit(pictures: Path) -> Path:
    return pictures / "a" / "0.png"
