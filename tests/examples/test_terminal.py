"""examples/terminal: the recorded session."""

from pathlib import Path

import pytest

pytest.importorskip("pty")
from examples.terminal.record import COMMANDS, screen

SESSION = Path(__file__).parents[2] / "examples" / "terminal" / "session.svg"


def test_progress_bars_are_replaced() -> None:
    output = "training\r\nepoch 1\r\x1b[2Kepoch 2\r\n\x1b[?25hsaved\r\n"
    assert screen(output) == ["training", "epoch 2", "saved", ""]


def test_transient_lines_are_removed() -> None:
    output = "one\r\ntwo\r\n\r\x1b[1A\x1b[2K\x1b[1A\x1b[2Kdone\r\n"
    assert screen(output)[0] == "done"


def test_the_session_is_small_and_self_contained() -> None:
    svg = SESSION.read_text("utf-8")
    assert len(svg) < 60_000
    assert "url(http" not in svg
    assert all(command in svg.replace("&#160;", " ") for command in COMMANDS)
