"""The manual pages, generated from the code: `python -m aecli.cli.manual [DIR]` writes aecli.1, aecli-train.1, ..."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from aecli import __version__
from aecli.cli.parameters import default_text, flags, is_argument, panels, usage, value_name
from aecli.errors import ExitStatus
from aecli.storage.atomic import write_text
from aecli.storage.paths import require_folder

DEFAULT_FOLDER = Path(sys.prefix, "share", "man", "man1")
"""Where man looks for the pages of programs in the folder `bin` of this environment."""
STATUSES = {
    ExitStatus.DONE: "success",
    ExitStatus.BUG: "a bug in aecli",
    ExitStatus.USAGE: "invalid command line",
    ExitStatus.PARTIAL: "some inputs failed and the others were processed",
    ExitStatus.INPUT: "an input is missing, damaged or does not fit",
    ExitStatus.EXISTS: "the output exists already",
    ExitStatus.UNAVAILABLE: "a data set, package, device or disk space is not available",
    ExitStatus.ANOMALY: "an anomaly or a duplicate was found, and --fail-on-anomaly or --fail-on-duplicates is set",
    ExitStatus.INTERRUPTED: "interrupted by Ctrl-C",
    ExitStatus.CLOSED_PIPE: "the reader of the output, such as head, exited before the end",
    ExitStatus.TERMINATED: "interrupted by SIGTERM",
}


def manual_pages() -> dict[str, str]:
    """Return the text of each page by its file name, in the macros of man(7)."""
    from aecli.cli.app import app

    program: Any = typer.main.get_command(app)
    pages = {"aecli.1": "\n".join(_program_page(program)) + "\n"}
    for name, command in program.commands.items():
        pages[f"aecli-{name}.1"] = "\n".join(_command_page(name, command)) + "\n"
    return pages


def write_manual(folder: Path) -> list[Path]:
    """Write all pages into a folder, which is created if it is missing; return their paths.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    require_folder(folder)
    paths = []
    for name, text in manual_pages().items():
        write_text(folder / name, text)
        paths.append(folder / name)
    return paths


def _program_page(program: Any) -> Iterator[str]:
    yield from _title("aecli", program.help)
    yield from (".SH SYNOPSIS", r"\fBaecli\fR \fICOMMAND\fR ...")
    yield ".SH DESCRIPTION"
    yield _text("aecli trains autoencoders on images, converts images to codes and back, and detects anomalies.")
    yield ".SH COMMANDS"
    for name, command in program.commands.items():
        yield from (".TP", rf"\fBaecli\-{_text(name)}\fR(1)", _text(command.help))
    yield ".SH OPTIONS"
    yield from _parameters(program.params)
    yield ".SH EXIT STATUS"
    for status, meaning in STATUSES.items():
        yield from (".TP", f".B {int(status)}", _text(meaning))
    yield from _examples(program.epilog)


def _command_page(name: str, command: Any) -> Iterator[str]:
    yield from _title(f"aecli-{name}", command.help)
    yield from (".SH SYNOPSIS", f".B {_text(usage(f'aecli {name}', command.params))}")
    yield from (".SH DESCRIPTION", _text(command.help))
    for heading, members in panels(command.params).items():
        yield f".SH {_text(heading.upper())}"
        yield from _parameters(members)
    yield from _examples(command.epilog)
    yield from (".SH SEE ALSO", r"\fBaecli\fR(1)")


def _title(name: str, purpose: str) -> Iterator[str]:
    yield f'.TH "{_text(name.upper())}" 1 "" "aecli {__version__}" "aecli"'
    yield from (".ad l", ".nh")  # words are neither spaced out nor hyphenated
    yield from (".SH NAME", rf"{_text(name)} \- {_text(purpose.rstrip('.'))}")


def _parameters(parameters: Iterable[Any]) -> Iterator[str]:
    for parameter in parameters:
        yield ".TP"
        if is_argument(parameter):
            yield rf"\fI{_text(parameter.metavar)}\fR"
        else:
            names = ", ".join(rf"\fB{_text(flag)}\fR" for flag in flags(parameter))
            value = value_name(parameter)
            yield rf"{names} \fI{_text(value)}\fR" if value else names
        default = default_text(parameter)
        yield _text(parameter.help + (f" Default: {default}." if default else ""))


def _examples(calls: str | None) -> Iterator[str]:
    yield from (".SH EXAMPLES", ".nf", *(_text(call) for call in (calls or "").splitlines()), ".fi")


def _text(text: str) -> str:
    """Return a text without meaning for the formatter: no escapes, no requests, and hyphens that can be copied."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    for path in write_manual(Path(sys.argv[1]) if sys.argv[1:] else DEFAULT_FOLDER):
        print(path)
