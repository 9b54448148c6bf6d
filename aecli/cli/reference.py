"""The reference page, generated from the code: `python -m aecli.cli.reference examples/REFERENCE.md`."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import typer

from aecli.cli.parameters import GENERAL, default_text, flags, is_argument, panel, usage, value_name
from aecli.models.architectures import architecture_names, resolve_arguments
from aecli.recipes.loading import recipe_names, recipe_purpose
from aecli.recipes.schema import recipe_keys
from aecli.storage.atomic import write_text
from aecli.storage.schema import type_name

TITLE = "# Reference"
INTRODUCTION = """\
All commands and recipe keys of aecli. This page is generated from the code by `make reference`; `aecli COMMAND --help`
prints the same texts, and so does `man aecli-COMMAND` after `python -m aecli.cli.manual`. The [README](../README.md)
shows how the commands work together."""
SHARED_OPTIONS = "Each command below links to the groups that it accepts."
KEYS = """\
A recipe file holds these keys, in TOML sections such as `[training]`; `--set KEY=VALUE` changes one for a run. Noise,
sparsity targets and losses are in normalized units: (pixel - `model.mean`) / `model.std`, with pixels from 0 to 1."""


def reference() -> str:
    """Return the whole page as Markdown."""
    from aecli.cli.app import app

    program: Any = typer.main.get_command(app)
    shared = _shared_options(program.commands.values())
    parts = [TITLE, INTRODUCTION, "## Options of several commands", SHARED_OPTIONS]
    for heading, options in shared.items():
        parts += [f"### {heading}", _table(options.values())]
    parts += ["## Recipes", _recipes(), "## Recipe keys", KEYS, _recipe_keys(), _architectures()]
    parts += ["## Commands", _overview(program.commands), "`aecli` itself has these options:", _table(program.params)]
    parts += [_command(name, command, shared) for name, command in program.commands.items()]
    return "\n\n".join(parts) + "\n"


def _shared_options(commands: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return the options that are alike in more than one command, by help panel and row of the table."""
    options = {
        _row(option): option
        for command in commands
        for option in command.params
        if not is_argument(option) and panel(option) != GENERAL
    }
    counts = Counter(_row(option) for command in commands for option in command.params)
    shared: dict[str, dict[str, Any]] = {}
    for row, option in options.items():
        if counts[row] > 1:
            shared.setdefault(panel(option), {})[row] = option
    return shared


def _overview(commands: Mapping[str, Any]) -> str:
    rows = [_cells(f"[{name}](#aecli-{name})", command.help) for name, command in commands.items()]
    return "\n".join(["| command | |", "| --- | --- |", *rows])


def _command(name: str, command: Any, shared: Mapping[str, Mapping[str, Any]]) -> str:
    rows = {_row(parameter): parameter for parameter in command.params}
    groups = {heading: options for heading, options in shared.items() if options.keys() <= rows.keys()}
    own = [parameter for row, parameter in rows.items() if not any(row in options for options in groups.values())]
    links = ", ".join(f"[{heading}](#{heading.lower().replace(' ', '-')})" for heading in groups)
    links_line = [f"This command also accepts the options under {links}."] if links else []
    parts = [f"### aecli {name}", command.help, f"Usage: `{usage(f'aecli {name}', command.params)}`"]
    parts += [_table(own)] if own else []
    return "\n\n".join([*parts, *links_line, "\n".join(["```sh", command.epilog, "```"])])


def _table(parameters: Iterable[Any]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *map(_row, parameters)])


def _row(parameter: Any) -> str:
    name = f"`{parameter.metavar}`" if is_argument(parameter) else _flags(parameter)
    return _cells(name, parameter.help + _default(parameter))


def _flags(option: Any) -> str:
    names = ", ".join(f"`{flag}`" for flag in flags(option))
    return f"{names} `{value_name(option)}`" if value_name(option) else names


def _default(parameter: Any) -> str:
    if parameter.required and not is_argument(parameter):
        return " Required."
    return f" Default: `{default}`." if (default := default_text(parameter)) else ""


def _recipes() -> str:
    rows = [_cells(f"`{name}`", recipe_purpose(name)) for name in recipe_names()]
    return "\n".join(["| `--recipe` | |", "| --- | --- |", *rows])


def _recipe_keys() -> str:
    lines = ["| key | values | default | |", "| --- | --- | --- | --- |"]
    for name, entry in recipe_keys().items():
        default = entry.default if entry.default_factory is MISSING else entry.default_factory()
        values = ", ".join(map(str, filter(None, [type_name(entry.type), entry.metadata.get("range")])))
        lines.append(_cells(f"`{name}`", values, f"`{default}`", entry.metadata["help"]))
    return "\n".join(lines)


def _architectures() -> str:
    lines = ["| `model.architecture` | `model.arguments`, with their defaults |", "| --- | --- |"]
    return "\n".join([*lines, *(_cells(f"`{name}`", ", ".join(_arguments(name))) for name in architecture_names())])


def _arguments(architecture: str) -> Iterator[str]:
    for name, default in resolve_arguments(architecture, {}).items():
        yield f"`{name} = {default}`"


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), reference())
