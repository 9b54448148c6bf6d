"""Option names of earlier versions and synonyms work, and the help lists neither."""

from pathlib import Path

import pytest

from aecli.cli.command import FORMER_SPELLINGS, SYNONYMS
from aecli.errors import ExitStatus
from tests.command_line import Run, registered_commands, succeed

COMMANDS = registered_commands()
UNLISTED = {**FORMER_SPELLINGS, **SYNONYMS}


def commands_with(option: str) -> list[str]:
    """Return the names of the commands that have the option."""
    return [name for name, command in COMMANDS.items() if any(option in parameter.opts for parameter in command.params)]


@pytest.mark.parametrize(("former", "current"), UNLISTED.items())
def test_a_former_spelling_means_the_current_one(former: str, current: str, aecli: Run) -> None:
    names = commands_with(current)
    assert names, "the current spelling belongs to a command"
    for name in names:
        by_former, by_current, unknown = (aecli(name, word, "x") for word in (former, current, f"{former}-not"))
        assert by_former.status == by_current.status == unknown.status == ExitStatus.USAGE
        assert by_former.err == by_current.err
        assert "no such option" in unknown.err.lower()
        assert "no such option" not in by_former.err.lower()


@pytest.mark.parametrize("former", UNLISTED)
def test_help_does_not_list_a_former_spelling(former: str) -> None:
    for name in COMMANDS:
        assert former not in succeed(name, "--help").out


def test_a_command_accepts_a_former_spelling(conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.npz"
    succeed("encode", "digits:train", "--model", conv_run, "-o", train)
    words = ("knn-probe", train, codes_file, "--labels", "all", "--methods", "knn-euclidean", "--no-baselines")
    former, current, default = (
        succeed(*words, *options) for options in (("--neighbours", "5"), ("--neighbors", "5"), ())
    )
    assert former.out == current.out != default.out
    twice = succeed(*words, "--neighbours", "5", "--neighbours", "5")
    for each in (former, twice):
        assert each.err.count("note: --neighbours is now called --neighbors\n") == 1
    assert "is now called" not in current.err
    assert "is now called" not in succeed(*words, "--neighbours", "5", "--quiet").err


def test_a_synonym_is_accepted_without_a_note(conv_run: Path, tmp_path: Path) -> None:
    words = ("encode", "digits:test", "--model", conv_run, "-o", tmp_path / "codes.npz")
    assert "is now called" not in succeed(*words, "--frames", "all").err
