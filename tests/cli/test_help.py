"""Every command and every option explains itself."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from aecli import __version__
from aecli.cli.app import app
from tests.command_line import Run


def commands() -> Iterator[tuple[str, Any]]:
    yield from typer.main.get_command(app).commands.items()


def has_screen_options(command: Any) -> bool:
    return {"quiet", "json", "no_progress", "debug"} <= {parameter.name for parameter in command.params}


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda part: part if isinstance(part, str) else "")
def test_a_command_explains_itself(name: str, command: Any, aecli: Run) -> None:
    assert command.help.rstrip().endswith(".")
    assert command.epilog.count(f"aecli {name}") >= 2, "two examples"
    assert has_screen_options(command)
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name}"
    long, short = aecli(name, "--help"), aecli(name, "-h")
    assert long.status == short.status == 0
    assert long.out == short.out
    assert f"Usage: aecli {name}" in long.out
    assert "Examples" in long.out
    for parameter in command.params:
        for flag in parameter.opts:
            assert flag.startswith("-") is False or flag in long.out, flag


def test_examples_name_options_that_exist() -> None:
    for name, command in commands():
        known = {flag for parameter in command.params for flag in parameter.opts}
        for line in command.epilog.splitlines():
            _, _, typed = line.replace("[/cyan]", "").rpartition("aecli ")
            for word in typed.split():
                assert not word.startswith("-") or word in {"-", *known}, f"{name}: {word}"


def test_the_program(aecli: Run) -> None:
    result = aecli("--help")
    assert result.status == 0
    for name, _ in commands():
        assert name in result.out
    version = aecli("--version")
    assert (version.status, version.out) == (0, f"aecli {__version__}\n")


def test_help_has_no_escape_codes_in_a_pipe(aecli_apart: Run) -> None:
    result = aecli_apart("train", "--help")
    assert result.status == 0
    assert "\x1b" not in result.out
    assert result.err == ""


@pytest.mark.parametrize("alias", ["python -m aecli", "aecli"])
def test_the_program_calls_itself_by_its_name(alias: str, aecli: Run) -> None:
    assert "Usage: aecli" in aecli("--help").out
