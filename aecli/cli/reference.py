"""The README's references, made from the code: `python -m aecli.cli.reference README.md`."""

import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import typer

from aecli.recipes import schema
from aecli.storage.atomic import write_text
from aecli.storage.schema import type_name

MARKS = "<!-- {what}: made by `make reference` -->", "<!-- end of the {what} -->"


def commands() -> str:
    """Return the reference of all commands as Markdown."""
    from aecli.cli.app import app

    program: Any = typer.main.get_command(app)
    return "\n".join(_command(name, command) for name, command in program.commands.items())


def recipe_keys() -> str:
    """Return a table of all keys of a recipe as Markdown."""
    from aecli.models.architectures import architecture_names, resolve_arguments

    lines = ["| key | values | default | |", "| --- | --- | --- | --- |"]
    for name, field in schema.recipe_keys().items():
        default = {} if field.default is MISSING else field.default
        text = field.metadata["help"].replace("|", "\\|")
        lines.append(f"| `{name}` | {type_name(field.type)} | `{default}` | {text} |")
    arguments = [f"`{name}`: {_arguments(resolve_arguments(name, {}))}" for name in architecture_names()]
    return "\n".join([*lines, "", f"`model.arguments`, with their defaults: {'; '.join(arguments)}.", ""])


def _arguments(defaults: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in defaults.items())


def with_reference(text: str) -> str:
    """Return a page with what stands between marks replaced by the references."""
    for what, made in (("recipe keys", recipe_keys()), ("command reference", commands())):
        begin, end = (mark.format(what=what) for mark in MARKS)
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n\n{made}\n{end}{after}"
    return text


def _command(name: str, command: Any) -> str:
    arguments = " ".join(p.metavar for p in command.params if p.param_type_name == "argument")
    lines = [f"### aecli {name} {arguments}".rstrip(), "", command.help, ""]
    lines += ["| | |", "| --- | --- |"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            lines.append(f"| `{_plain(parameter.metavar)}` | {_plain(parameter.help)} |")
        else:
            lines.append(f"| {_flags(parameter)} | {_plain(parameter.help)}{_default(parameter)} |")
    examples = [line.strip() for line in _plain(command.epilog).splitlines() if "aecli " in line]
    return "\n".join([*lines, "", "```sh", *examples, "```", ""])


def _flags(option: Any) -> str:
    spelled = ", ".join(f"`{flag}`" for flag in [*sorted(option.opts, key=len), *option.secondary_opts])
    return spelled if option.is_flag else f"{spelled} `{_plain(option.metavar)}`"


def _default(option: Any) -> str:
    shown = option.default is not None and not option.is_flag and not option.required and option.show_default
    return f" Default: `{option.default}`." if shown else ""


def _plain(marked_up: str | None) -> str:
    return re.sub(r"\[/?(bold|cyan|dim)\]", "", marked_up or "").replace("|", "\\|")


if __name__ == "__main__":
    page = Path(sys.argv[1])
    write_text(page, with_reference(page.read_text("utf-8")))
