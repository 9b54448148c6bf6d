"""Find what may stand at the cursor: a command, an option, or the value of an option or argument."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import typer

from aecli.cli.completion.candidates import Candidates, described
from aecli.cli.completion.values import values_of
from aecli.cli.parameters import flags, is_argument, value_name


@dataclass
class Line:
    """A command line up to the cursor, without its command."""

    options: dict[str, str] = field(default_factory=dict)
    """The last value of each option that is complete, by its parameter's name; empty for a flag."""
    arguments: list[str] = field(default_factory=list)
    pending: Any = None
    """The option whose value is at the cursor."""
    is_after_dashes: bool = False
    """Whether `--` has ended the options."""


def complete(words: list[str]) -> Candidates:
    """Return the candidates for the last of the words after `aecli`."""
    from aecli.cli.app import app

    program: Any = typer.main.get_command(app)
    *before, current = [_unquoted(word) for word in words]
    if before[:1] == ["help"]:
        before = before[1:]
    names = {name: _first_sentence(command.help) for name, command in program.commands.items()}
    if not before:
        if current.startswith("-"):
            return _option_names(program.params, set()).starting_with(current)
        help_command = {} if words[:1] == ["help"] else {"help": "Describe a command."}
        return described(names | help_command).starting_with(current)
    if (command := program.commands.get(before[0])) is None:
        return Candidates()
    return _complete_word(command.params, _read(command.params, before[1:]), before[0], current)


def _complete_word(parameters: list[Any], line: Line, command: str, current: str) -> Candidates:
    if line.pending is not None:
        return values_of(line.pending, command, line.options, current).starting_with(current)
    if current.startswith("-") and current != "-" and not line.is_after_dashes:
        name, equals, value = current.partition("=")
        if not equals:
            return _option_names(parameters, line.options.keys()).starting_with(current)
        option = next((each for each in parameters if not is_argument(each) and name in flags(each)), None)
        if option is None or not value_name(option):
            return Candidates()
        return values_of(option, command, line.options, value).starting_with(value).after(f"{name}=")
    positional = [each for each in parameters if is_argument(each)]
    if (index := len(line.arguments)) >= len(positional):
        if not positional or positional[-1].nargs == 1:
            return Candidates()
        index = len(positional) - 1
    return values_of(positional[index], command, line.options, current).starting_with(current)


def _read(parameters: list[Any], words: Iterable[str]) -> Line:
    """Read the complete words of a command line."""
    line = Line()
    by_flag = {flag: each for each in parameters if not is_argument(each) for flag in flags(each)}
    for word in words:
        if line.pending is not None:
            line.options[line.pending.name] = word
            line.pending = None
        elif line.is_after_dashes or word == "-" or not word.startswith("-"):
            line.arguments.append(word)
        elif word == "--":
            line.is_after_dashes = True
        else:
            name, equals, value = word.partition("=")
            option = by_flag.get(name)
            if option is None:
                continue
            if value_name(option) and not equals:
                line.pending = option
            else:
                line.options[option.name] = value
    return line


def _option_names(parameters: Iterable[Any], given: Iterable[str]) -> Candidates:
    names: dict[str, str] = {}
    for parameter in parameters:
        if not is_argument(parameter) and (parameter.name not in given or parameter.multiple):
            names |= dict.fromkeys(_long(flags(parameter)), _first_sentence(parameter.help))
    return described(names | {"--help": "Show the help of the command."})


def _long(names: list[str]) -> Iterator[str]:
    return (name for name in names if name.startswith("--"))


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=\w)[.;:] ", text or "", maxsplit=1)[0].rstrip(".")


def _unquoted(word: str) -> str:
    """Return a word without the quotes of the shell; bash passes them on."""
    if word[:1] in {"'", '"'}:
        return word[1:].removesuffix(word[0])
    return re.sub(r"\\(.)", r"\1", word)
