"""Option names of earlier versions still work, and the help lists only today's."""

from pathlib import Path
from typing import Any

import pytest
import typer

from aecli.cli.app import app
from aecli.cli.command import FORMER_SPELLINGS
from aecli.errors import ExitStatus
from tests.command_line import Run

COMMANDS: dict[str, Any] = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def commands_with(option: str) -> list[str]:
    """Return the names of the commands that have the option."""
    return [name for name, command in COMMANDS.items() if any(option in parameter.opts for parameter in command.params)]


@pytest.mark.parametrize(("former", "current"), FORMER_SPELLINGS.items())
def test_a_former_spelling_means_the_current_one(former: str, current: str, aecli: Run) -> None:
    names = commands_with(current)
    assert names, "the current spelling belongs to a command"
    for name in names:
        by_former, by_current, unknown = (aecli(name, word, "x") for word in (former, current, f"{former}-not"))
        assert by_former.status == by_current.status == unknown.status == ExitStatus.USAGE
        assert by_former.err == by_current.err
        assert "no such option" in unknown.err.lower()
        assert "no such option" not in by_former.err.lower()


@pytest.mark.parametrize("former", FORMER_SPELLINGS)
def test_help_does_not_list_a_former_spelling(former: str, aecli: Run) -> None:
    for name in COMMANDS:
        assert former not in aecli(name, "--help").out


def test_a_command_accepts_a_former_spelling(aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.npz"
    assert aecli("encode", "digits:train", "--model", conv_run, "-o", train).status == 0
    words = ("knn-probe", train, codes_file, "--labels", "all", "--methods", "knn-euclidean", "--no-baselines")
    results = [aecli(*words, *more) for more in (("--neighbours", "5"), ("--neighbors", "5"), ())]
    assert [result.status for result in results] == [0, 0, 0], results[0].err
    assert results[0].out == results[1].out != results[2].out
