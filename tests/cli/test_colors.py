"""Colors: on terminals only, and as NO_COLOR, FORCE_COLOR and TERM ask."""

import io
from collections.abc import Mapping

import pytest

from aecli.cli.colors import shows_colors, styled
from aecli.cli.console import Console
from aecli.cli.main import print_error
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, False),
    ],
    ids=str,
)
def test_colors_follow_the_environment_as_in_rich(
    variables: Mapping[str, str], on_terminal: bool, in_pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console as RichConsole

    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for stream, expected in ((Terminal(), on_terminal), (io.StringIO(), in_pipe)):
        assert shows_colors(stream) is expected
        assert ("\x1b" in styled("text", "error", stream)) is expected
        console = RichConsole(file=stream)
        assert (console.color_system is not None and not console.no_color) is expected


def test_warnings_and_errors_are_colored_on_a_terminal_but_not_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    outputs = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        Console().warn("few \x1b[2J images")
        print_error([], "error: no such file: a:b", "check the path", 4)
        outputs.append(stream.getvalue())
    terminal, pipe = outputs
    assert pipe == "warning: few \\x1b[2J images\nerror: no such file: a:b\nhint: check the path\n"
    assert terminal.count("\x1b[0m") == 3
    assert "\x1b[2J" not in terminal


def test_only_alarming_cells_of_a_terminal_are_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    rows = [{"path": "a.png", "verdict": "anomaly"}, {"path": "anomaly.png", "verdict": "normal"}]
    for stream, is_terminal in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stdout", stream)
        TableConsole().lines([Column("path"), Column("verdict")], alarming=["anomaly"]).show(rows)
        assert stream.getvalue().count("\x1b[1;31m") == is_terminal
        assert ("anomaly\x1b[0m" in stream.getvalue()) is is_terminal
