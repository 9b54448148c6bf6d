"""Fixtures of the tests of plots."""

from typing import Any

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return the list to which the figures that the test draws are added."""
    figures: list[Figure] = []
    original = Figure.__init__

    def remember(self: Figure, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        figures.append(self)

    monkeypatch.setattr(Figure, "__init__", remember)
    return figures
