"""The console: tables on a terminal, and the options for less output."""

import io
from pathlib import Path

import pytest

from aecli.cli.console import Console
from aecli.errors import UsageError
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
    Console().table(["kept as", "bytes"], [["a" * 90, "1,234"], ["b", "5"]], {})
    first, *rows = terminal.getvalue().splitlines()
    assert first == "kept as" + " " * 83 + "  bytes"
    assert rows == ["a" * 90 + "  1,234", "b" + " " * 89 + "      5"]


@pytest.mark.slow
def test_no_progress_hides_epochs_and_quiet_prints_the_run_folder_alone(tmp_path: Path) -> None:
    words = ("train", "digits", "--epochs", 1, "--device", "cpu", "--overwrite", "-o", tmp_path / "run")
    default, without_progress, quiet = (succeed(*words, *options) for options in ((), ("--no-progress",), ("-q",)))
    assert "epoch 1/1" in default.err
    assert "epoch 1/1" not in without_progress.err
    assert without_progress.out
    assert quiet.out == f"{tmp_path / 'run'}\n"
    assert all(line.startswith("warning:") for line in quiet.err.splitlines())
