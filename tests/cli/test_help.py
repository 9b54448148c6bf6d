"""Every command and every option has a help text, and the examples in it are valid."""

import pytest

from aecli import __version__
from tests.command_line import Run, registered_commands, succeed

COMMANDS = registered_commands()
OUTPUT_OPTIONS = {"quiet", "json", "no_progress", "debug"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = COMMANDS[name]
    assert command.help is not None
    assert command.help.rstrip().endswith(".")
    assert command.epilog is not None
    assert command.epilog.count(f"aecli {name}") >= 2, "two examples"
    assert {parameter.name for parameter in command.params} >= OUTPUT_OPTIONS
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"
    page = succeed(name, "--help").out
    assert page == succeed(name, "-h").out
    assert f"Usage: aecli {name}" in page
    assert "Examples" in page
    for parameter in command.params:
        for flag in parameter.opts:
            assert not flag.startswith("-") or flag in page, flag


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_use_options_that_exist(name: str) -> None:
    command = COMMANDS[name]
    flags = {flag for parameter in command.params for flag in parameter.opts}
    for line in (command.epilog or "").splitlines():
        _, _, words = line.replace("[/cyan]", "").rpartition("aecli ")
        for word in words.split():
            assert not word.startswith("-") or word in {"-", *flags}, word


def test_the_program_lists_its_commands_and_its_version() -> None:
    page = succeed("--help").out
    assert "Usage: aecli" in page
    for name in COMMANDS:
        assert name in page
    assert succeed("--version").out == f"aecli {__version__}\n"


def test_help_has_no_escape_codes_in_a_pipe(aecli_apart: Run) -> None:
    result = aecli_apart("train", "--help")
    assert result.status == 0
    assert "\x1b" not in result.out
    assert result.err == ""
