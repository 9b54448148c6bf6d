"""The command reference of the README, made from the commands themselves: `python -m aecli.cli.reference README.md`."""

import re
import sys
from pathlib import Path
from typing import Any

import typer

from aecli.files import write_text

BEGIN = "<!-- command reference: made by `make reference` -->"
END = "<!-- end of the command reference -->"


def reference() -> str:
    """Return the reference of all commands as Markdown."""
    from aecli.cli.app import app

    program: Any = typer.main.get_command(app)
    return "\n".join(_command(name, command) for name, command in program.commands.items())


def with_reference(text: str) -> str:
    """Return a page with what stands between the two marks replaced by the reference."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _command(name: str, command: Any) -> str:
    arguments = " ".join(p.metavar for p in command.params if p.param_type_name == "argument")
    lines = [f"### aecli {name} {arguments}".rstrip(), "", command.help, ""]
    lines += ["| | |", "| --- | --- |"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            lines.append(f"| `{_plain(parameter.metavar)}` | {_plain(parameter.help)} |")
        else:
            lines.append(f"| {_flags(parameter)} | {_plain(parameter.help)}{_default(parameter)} |")
    examples = [line.strip() for line in _plain(command.epilog).splitlines() if line.strip().startswith("aecli")]
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
