"""The display of training: lines in a pipe, a bar and lines on a terminal."""

import re
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.cli import training_progress
from aecli.cli.console import Console
from aecli.cli.training_progress import ConsoleListener


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(training_progress, "time", clock)
    return clock


def listener(console: object = None) -> ConsoleListener:
    images = MagicMock(images=SimpleNamespace(word="digits", labels=None, class_names=(), tiles=None))
    images.__len__.return_value = 100
    return ConsoleListener(console or Console(), images, images)  # type: ignore[arg-type]


def metrics(epoch: int) -> EpochMetrics:
    return EpochMetrics(epoch, epoch, 1.0, 1.5, 0.01)


@pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (30, 30), (100, 100), (150, 76), (1000, 101)])
def test_a_pipe_has_a_line_per_epoch_of_short_runs_and_about_a_hundred_of_long_ones(
    epochs: int, lines: int, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = listener()
    with progress:
        progress.on_start(epochs, 0, 100)
        for epoch in range(1, epochs + 1):
            progress.on_progress(epoch, 50, 1.0)
            progress.on_epoch(metrics(epoch), is_best=True)
    printed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert len(printed) == lines
    assert re.match(rf"epoch +1/{epochs} ", printed[0])
    assert f"epoch {epochs}/{epochs}" in printed[-1]
    assert "val 1.5000" in printed[-1]
    assert not re.search(r"nan|best|\x1b", "".join(printed))


def test_slow_epochs_have_lines_in_between(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = listener()
    with progress:
        progress.on_start(1000, 0, 1000)
        progress.on_epoch(metrics(1), is_best=True)
        for clock.now, images in ((10.0, 100), (70.0, 500), (80.0, 600)):
            progress.on_progress(2, images, 0.5)
        clock.now = 150.0
        progress.on_epoch(metrics(2), is_best=True)
        clock.now = 151.0
        progress.on_epoch(metrics(3), is_best=True)  # interrupted after it
    first, within, second, last = capsys.readouterr().err.splitlines()[1:]
    assert "1/1000" in first
    assert "2/1000" in within
    assert "50%" in within
    assert "2/1000" in second
    assert "3/1000" in last


def test_the_speed_is_that_of_the_last_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = listener()
    with progress:
        progress.on_start(2, 0, 1000)
        for second in range(1, 11):  # 100 images a second, then 10
            clock.now = second
            progress.on_progress(1, 100 * second, 0.5)
        progress.on_epoch(metrics(1), is_best=True)
        for second in range(1, 11):
            clock.now = 10 + second
            progress.on_progress(2, 10 * second, 0.5)
        clock.now = 100 + 10
        progress.on_epoch(metrics(2), is_best=True)
    assert [line.split()[-2] for line in capsys.readouterr().err.splitlines()[1:]] == ["100", "10"]


def test_the_speed_leaves_out_what_follows_the_last_image(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = listener()
    with progress:
        progress.on_start(1, 0, 1000)
        for second in range(1, 11):
            clock.now = second
            progress.on_progress(1, 100 * second, 0.5)
        clock.now = 1000  # the model is measured and saved
        progress.on_epoch(metrics(1), is_best=True)
    assert capsys.readouterr().err.split()[-2] == "100"


@pytest.mark.parametrize("options", [{"quiet": True}, {"no_progress": True}], ids=str)
def test_fewer_lines_are_printed_on_request(
    options: dict[str, bool], clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = listener(Console(**options))
    with progress:
        progress.on_start(2, 0, 100)
        progress.on_progress(1, 50, 1.0)
        progress.on_epoch(metrics(1), is_best=True)
        progress.on_warning("few images")
    err = capsys.readouterr().err
    assert "epoch" not in err
    assert "warning: few images" in err
    assert progress.warnings == ["few images"]


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("accuracy", [None, 0.5])
def test_a_terminal_keeps_a_line_for_each_tenth_and_no_broken_line(
    columns: int, accuracy: float | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console as RichConsole

    consoles = []

    def terminal(stream: object) -> RichConsole:
        consoles.append(RichConsole(file=sys.stdout, force_terminal=True, width=columns, highlight=False))
        return consoles[-1]

    monkeypatch.setattr(training_progress, "rich_console", terminal)
    monkeypatch.setattr(Console, "shows_bars", True)
    progress = listener()
    with progress:
        progress.on_start(200, 0, 10_000)
        for epoch in range(1, 201):
            progress.on_progress(epoch, 5000, 1.0)
            if epoch in (1, 150):
                (task,) = progress._bars.tasks
                bar = consoles[0].render_str("".join(map(str, (task.description, task.fields["metrics"]))))
                assert 20 < bar.cell_len <= columns - 16  # room for the bar and the time left
                assert "nan" not in bar.plain
            progress.on_epoch(EpochMetrics(epoch, epoch, 1.0, 1.5, 0.1, accuracy, accuracy), is_best=True)
        progress.on_warning("a long warning " * 9)
    printed = capsys.readouterr()
    kept = re.findall(r"epoch +(\d+)/200  loss 1.0000  val", printed.out + printed.err)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.out + printed.err)
    assert not re.search(r"^(images/s|\d+ images/s)", plain, re.MULTILINE)
    assert {int(epoch) for epoch in kept} >= set(range(20, 201, 20))
    assert ("a long warning " * 9).strip() in printed.out
