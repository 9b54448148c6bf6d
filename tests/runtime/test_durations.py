"""Durations as text."""

import pytest

from aecli.runtime.durations import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.24, "0.2 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (7800, "2 h 10 min")],
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
