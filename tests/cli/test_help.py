"""Every command and every option has a help text, and the examples in it are valid."""

import re
from typing import Any

import pytest

from aecli import __version__
from aecli.cli.parameters import value_name
from aecli.errors import ExitStatus
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


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("option", ["--help", "--help-all"])
def test_at_80_columns_no_line_is_longer_and_no_word_is_cut(
    name: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not name and option == "--help-all":
        pytest.skip("an option of commands")
    monkeypatch.setenv("COLUMNS", "80")
    page = succeed(*filter(None, [name, option])).out
    assert max(map(len, page.splitlines())) <= 80
    assert not re.search(r"<\w+>|\{[A-Z]|\[/?(bold|cyan|dim)\]", page), "types and markup"
    for call in (COMMANDS[name].epilog or "" if name else "").splitlines():
        assert call in page.replace(" \\\n     ", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_all_describes_every_option_in_whole_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    short, full = (succeed(name, option).out for option in ("--help", "--help-all"))
    assert "--help-all" in short
    assert len(short.splitlines()) < len(full.splitlines())
    parameters: list[Any] = COMMANDS[name].params
    for parameter in parameters:
        described = " ".join(parameter.help.rstrip(".").split())
        assert described in " ".join(full.split()), parameter.name


def test_options_with_a_value_name_it() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            assert value_name(parameter) or getattr(parameter, "is_flag", False), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_command_is_the_help_option(name: str, aecli: Run) -> None:
    assert aecli("help", name).out == succeed(name, "--help").out
    assert aecli("help").out == succeed("--help").out
    unknown = aecli("help", f"{name}x")
    assert unknown.status == ExitStatus.USAGE
    assert f"'{name}'" in unknown.err, "suggested"


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
