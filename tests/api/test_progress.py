"""Bars in a notebook, on a terminal and nowhere else."""

import io
import sys
from types import ModuleType
from typing import Any

import pytest

from aecli.api import progress
from aecli.api.progress import Clock, LineDisplay, NotebookDisplay, TerminalDisplay, open_display


class Handle:
    """Records what a notebook shows."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def update(self, content: dict[str, str], raw: bool) -> None:
        self.shown.append(content)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """Let this process be the kernel of a notebook."""
    handle = Handle()

    def display(content: dict[str, str], **options: Any) -> Handle:
        handle.update(content, raw=True)
        return handle

    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = type("Shell", (), {"kernel": object()})
    ipython.display = ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return handle


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_notebook_shows_one_bar_that_is_updated(notebook: Handle) -> None:
    display = open_display(None)
    assert isinstance(display, NotebookDisplay)
    display.update("epoch 1/4", 1, 4, "loss <0.5>")
    assert 'value="1" max="4"' in notebook.shown[-1]["text/html"]
    assert "loss &lt;0.5&gt;" in notebook.shown[-1]["text/html"]
    assert "loss <0.5>" in notebook.shown[-1]["text/plain"]
    display.keep("saving")
    display.close("done")
    assert notebook.shown[-1]["text/plain"] == "saving\ndone"
    assert "<progress" not in notebook.shown[-1]["text/html"]


def test_the_shell_of_ipython_is_no_notebook(notebook: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", object)
    assert open_display(None) is None


def test_a_terminal_shows_a_bar_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    display = open_display(None)
    assert isinstance(display, TerminalDisplay)
    display.update("epoch 1/4", 1, 4, "loss 0.5")
    display.keep("saving")
    display.close("done")
    assert "saving" in terminal.getvalue()
    assert terminal.getvalue().endswith("done\n")


def test_elsewhere_there_are_lines_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_display(None) is None
    display = open_display(True)
    assert isinstance(display, LineDisplay)
    for epoch in range(1, 41):
        display.update(f"epoch {epoch}/40", epoch, 40, "loss 0.5")
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 10
    assert err.splitlines()[-1] == "epoch 40/40  loss 0.5"


def test_no_display_if_it_is_refused(notebook: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert open_display(False) is None


def test_long_work_shows_a_bar_and_removes_it(notebook: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BEFORE_BAR", 0)
    with progress.open_progress(None) as on_progress:
        on_progress("scoring images", 5, 5)
        assert "scoring images" in notebook.shown[-1]["text/plain"]
    assert notebook.shown[-1]["text/plain"] == ""


def test_the_time_left_follows_from_the_time_that_a_stage_took(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 10.0, 20.0, 100.0])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    clock = Clock()
    assert clock.seconds_left("epoch 0/4", 0, 4) == ""
    assert clock.seconds_left("epoch 1/4", 1, 4) == "30 s left"
    assert clock.seconds_left("epoch 2/4", 2, 4) == "20 s left"
    assert clock.seconds_left("saving", 1, 4) == ""
