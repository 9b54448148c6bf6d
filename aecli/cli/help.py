"""The pages of `--help` and `--help-all`: options under headings, none of them cut, in the width of the terminal."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from aecli.cli.colors import styled
from aecli.cli.options import ProcessOptions
from aecli.cli.parameters import default_text, flags, is_argument, panel, panels, usage, value_name
from aecli.cli.table_console import TableConsole
from aecli.cli.training_options import RECIPE_PANEL, recipe_values
from aecli.data.options import DataOptions

MAX_WIDTH = 100
MIN_WIDTH = 40
MAX_NAME_WIDTH = 24
"""Columns: a longer name of an option has a line of its own."""
COMMON = {field.name for group in (TableConsole, DataOptions, ProcessOptions) for field in fields(group)}
COMMON |= {"device", "threads", "codec", "help", "help_all"}
"""Options of many commands: `--help` only names those whose panel has no others."""
FOLDED = ("Images", "Devices", "Output")
"""The panels of such options, in the order of their lines."""
WORDS = "aecli.words"
"""The key of the command's words in the context's `meta`."""


class Command(TyperCommand):
    """A command whose help pages are those of this module."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[WORDS] = list(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(ctx))


class Group(TyperGroup):
    """The program; `aecli help COMMAND` is `aecli COMMAND --help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(program_page(self, ctx))


def print_everything(ctx: typer.Context, requested: bool) -> None:
    """Print the help page with all options and exit, if requested."""
    if requested:
        print(page(ctx, everything=True))
        raise typer.Exit


def page(ctx: Any, *, everything: bool = False) -> str:
    """Return the help page of a command; options that many commands have are only named unless `everything`."""
    command, width = ctx.command, _width()
    parameters = command.get_params(ctx)
    recipe = recipe_values(ctx.meta.get(WORDS, [])) if any(panel(each) == RECIPE_PANEL for each in parameters) else {}
    parts = [_paragraph(usage(f"Usage: {ctx.command_path}", parameters), width, "  "), _paragraph(command.help, width)]
    folded = dict.fromkeys(FOLDED, "")
    for heading, members in panels(parameters).items():
        if heading != "Arguments" and not everything and all(parameter.name in COMMON for parameter in members):
            folded[heading] = " ".join(flags(parameter)[-1] for parameter in members)
        else:
            shown = [parameter for parameter in members if everything or parameter.name not in {"help", "help_all"}]
            parts.append(_section(heading, [_row(parameter, recipe) for parameter in shown], width))
    if not everything:
        parts.append(
            _section("Common options, which --help-all describes", [row for row in folded.items() if row[1]], width)
        )
    parts.append(_examples(command.epilog, width))
    return "\n\n".join(parts)


def program_page(program: Any, ctx: Any) -> str:
    """Return the help page of the program: its commands, and its own options."""
    width = _width()
    parts = [f"Usage: {ctx.command_path} COMMAND ...", _paragraph(program.help, width)]
    commands: dict[str, list[tuple[str, str]]] = {}
    for name, command in program.commands.items():
        commands.setdefault(command.rich_help_panel, []).append((name, command.help))
    column = max(map(len, program.commands)) + 2
    parts += [_section(heading, rows, width, column) for heading, rows in commands.items()]
    parts.append(_section("Options", [_row(option, {}) for option in program.get_params(ctx)], width, column))
    parts.append(_examples(program.epilog, width))
    return "\n\n".join([*parts, "aecli help COMMAND describes a command."])


def _row(parameter: Any, recipe: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of a parameter with its value, and its description."""
    name = parameter.metavar if is_argument(parameter) else f"{', '.join(flags(parameter))} {value_name(parameter)}"
    text, notes = parameter.help, []
    if parameter.name in recipe and panel(parameter) == RECIPE_PANEL:
        text = f"{text.removesuffix('.')} ({recipe[parameter.name]})."
    if default := default_text(parameter):
        notes.append(f"default: {default}")
    if getattr(parameter, "envvar", None):
        notes.append(f"environment: {parameter.envvar}")
    if parameter.required and not is_argument(parameter):
        notes.append("required")
    return name.rstrip(), " ".join([text, *([f"({'; '.join(notes)})"] if notes else [])])


def _section(heading: str, rows: Sequence[tuple[str, str]], width: int, column: int | None = None) -> str:
    """Return a heading and, below it, names in the left column and descriptions in the right one."""
    if column is None:
        column = min(MAX_NAME_WIDTH, max(len(name) for name, _ in rows)) + 2
    lines = [styled(heading, "heading", sys.stdout)]
    for name, text in rows:
        wrapped = _wrap(text, width - column - 2)
        label = styled(name, "name", sys.stdout)
        if len(name) + 2 <= column:
            lines.append(f"  {label}{' ' * (column - len(name))}{wrapped[0]}")
        else:
            lines += [f"  {label}", f"  {' ' * column}{wrapped[0]}"]
        lines += [f"  {' ' * column}{line}" for line in wrapped[1:]]
    return "\n".join(lines)


def _examples(calls: str | None, width: int) -> str:
    """Return the calls below a heading; one that is wider than the page continues on the next line."""
    lines = [styled("Examples", "heading", sys.stdout)]
    for call in (calls or "").splitlines():
        wrapped = _wrap(call, width - 6)
        lines.append("  " + (" \\\n      ".join(wrapped) if len(call) > width - 2 else call))
    return "\n".join(lines)


def _paragraph(text: str | None, width: int, indent: str = "") -> str:
    return textwrap.fill(text or "", width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _wrap(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _width() -> int:
    return max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size().columns))
