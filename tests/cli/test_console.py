"""The console: tables on a terminal, and the options for less output."""

import inspect
import io
import re
import time
from pathlib import Path

import pytest

from aecli.cli.console import Console
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.errors import UsageError
from aecli.runtime.progress import unit_of
from aecli.storage.paths import require_output
from tests.command_line import succeed


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_binary_output_to_a_terminal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    with pytest.raises(UsageError, match="terminal"):
        require_output(Path("-"))


def test_a_table_on_a_terminal_is_aligned_and_not_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    TableConsole().table(
        [Column("kept_as"), Column("bytes")], [{"kept_as": "a" * 90, "bytes": 1234}, {"kept_as": "b", "bytes": 5}], {}
    )
    first, *rows = terminal.getvalue().splitlines()
    assert first == "kept as" + " " * 83 + "  bytes"
    assert rows == ["a" * 90 + "  1,234", "b" + " " * 89 + "      5"]


@pytest.mark.parametrize(("width", "expected"), [(80, ["a" * 70 + "  1,234"]), (40, ["a" * 70, "  1,234"])])
def test_rows_wider_than_the_terminal_continue_below_their_first_cell(
    width: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = TableConsole(no_header=True).lines([Column("image"), Column("bytes")])
    lines.show([{"image": "a" * 70, "bytes": 1234}])
    lines.show([{"image": "b", "bytes": 5}])
    assert terminal.getvalue().splitlines()[: len(expected)] == expected
    assert [line.strip() for line in terminal.getvalue().splitlines()][-1].endswith("5")


STAGES = ("decoding images", "fitting scores", "fitting scores", "decoding images")


def test_one_bar_shows_the_current_stage_in_its_own_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("aecli.cli.console.SECONDS_BEFORE_BAR", 0)
    monkeypatch.setenv("TERM", "xterm")
    lines = []
    with Console().progress() as progress:
        for stage, done in zip(STAGES, (9, 1, 3, 2), strict=True):
            progress(stage, done, 9 if "images" in stage else 3)
            terminal.truncate(0)
            time.sleep(0.25)  # the bar is drawn ten times per second
            lines.append(terminal.getvalue())
    expected = [("9/9", "images/s"), ("1/3", "scores/s"), ("3/3", "scores/s"), ("2/9", "images/s")]
    for line, (count, unit) in zip(lines, expected, strict=True):
        assert count in line
        assert unit in line
    assert "images" not in lines[1] + lines[2], "a stage that is done has no bar"


def test_training_prints_lines_of_its_other_stages_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aecli.cli.console.SECONDS_BETWEEN_LINES", 0.05)
    for console, lines, expected in (
        (Console(), True, "fitting the prior in steps: 1,200 of 3,000\n"),
        (Console(), False, ""),
        (Console(quiet=True), True, ""),
        (Console(no_progress=True), True, ""),
    ):
        with console.progress(lines=lines) as progress:
            progress("fitting the prior in steps", 1199, 3000)
            time.sleep(0.06)
            progress("fitting the prior in steps", 1200, 3000)
        assert capsys.readouterr().err == expected


def test_every_stage_ends_in_what_it_counts() -> None:
    units = {"images", "codes", "files", "scores", "runs", "methods", "draws", "queries", "iterations", "thumbnails"}
    stages = [
        stage
        for file in Path(inspect.getfile(Console)).parents[1].rglob("*.py")
        for stage in re.findall(r'progress\((?:\s*)"([^"]+)"', file.read_text("utf-8"))
    ]
    assert len(stages) > 20
    assert {unit_of(stage) for stage in stages} <= units


@pytest.mark.slow
def test_no_progress_hides_epochs_and_quiet_prints_the_run_folder_alone(tmp_path: Path) -> None:
    words = ("train", "digits", "--epochs", 1, "--device", "cpu", "--overwrite", "-o", tmp_path / "run")
    default, without_progress, quiet = (succeed(*words, *options) for options in ((), ("--no-progress",), ("-q",)))
    assert "epoch 1/1" in default.err
    assert "epoch 1/1" not in without_progress.err
    assert without_progress.out
    assert quiet.out == f"{tmp_path / 'run'}\n"
    assert all(line.startswith("warning:") for line in quiet.err.splitlines())
