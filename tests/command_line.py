"""The command line as a function: in this process, or in a new one."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from typer.core import TyperCommand


@dataclass(frozen=True)
class Result:
    """The exit status and the output of one call of `aecli`."""

    status: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def heading(self) -> list[str]:
        """The headings of the table on standard output."""
        return self.out.splitlines()[0].split("\t")

    @property
    def rows(self) -> list[list[str]]:
        """The tab-separated cells of each line of the table on standard output, without the headings."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]

    @property
    def records(self) -> list[dict[str, str]]:
        """The same by the names of the columns."""
        return [dict(zip(self.heading, row, strict=True)) for row in self.rows]

    @property
    def documents(self) -> list[Any]:
        """The JSON document on each line of standard output."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def document(self) -> dict[str, Any]:
        """The only line of standard output as a JSON object."""
        (document,) = self.documents
        assert isinstance(document, dict)
        return document


TRAINING_PLOTS = ("loss", "reconstructions", "confusion")
"""The modules that draw the plots of `aecli train`."""

Run = Callable[..., Result]
"""A function that runs `aecli` with the given words, such as `run_here` and `run_apart`."""


def registered_commands() -> "dict[str, TyperCommand]":
    """Return every command of `aecli` by its name, as Typer built it."""
    from typer.core import TyperCommand, TyperGroup
    from typer.main import get_command

    from aecli.cli.app import app

    program = get_command(app)
    assert isinstance(program, TyperGroup)
    commands = {name: command for name, command in program.commands.items() if isinstance(command, TyperCommand)}
    assert len(commands) == len(program.commands)
    return commands


def command_words(words: Sequence[object], *, export: bool) -> list[str]:
    """Return the words as text; `train` gets --no-export unless `export`, because most tests do not need the file."""
    command = [str(word) for word in words]
    return ["train", "--no-export", *command[1:]] if command[:1] == ["train"] and not export else command


def write_empty_plot(*values: object) -> None:
    """Write an image of one pixel to the path among the arguments of a function that draws a plot."""
    from PIL import Image

    from aecli.storage.atomic import atomic_write

    with atomic_write(next(value for value in values if isinstance(value, Path))) as file:
        Image.new("L", (1, 1)).save(file, "PNG")


def run_here(*words: object, stdin: bytes = b"", export: bool = False, plots: bool = False) -> Result:
    """Run `aecli` in this process, which avoids importing torch again; see `command_words`.

    The plots of `train` are empty unless `plots`: drawing them takes longer than training a tiny model.
    """
    from aecli.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    status = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)  # `aecli` replaces it on a signal
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        for plot in TRAINING_PLOTS if words[:1] == ("train",) and not plots else ():
            patch.setattr(f"aecli.plots.{plot}.draw", write_empty_plot)
        try:
            main(command_words(words, export=export))
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Result(status, out.buffer.getvalue(), err.buffer.getvalue().decode())


def run_apart(*words: object, stdin: bytes = b"", cwd: Path | None = None, export: bool = False) -> Result:
    """Run `aecli` in a new process, as a shell does; see `command_words`."""
    command = [sys.executable, "-m", "aecli", *command_words(words, export=export)]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def run_in_shell(
    *words: object,
    redirection: str = "",
    prefix: Sequence[str] = (),
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run `aecli` from bash with a redirection, such as `>&-` or `| head -c 1`, after a `prefix` command.

    The cache and data folders are the default ones, below the home folder.
    """
    command = [*prefix, "bash", "-c", f'set -o pipefail; "$@" {redirection}', "bash"]
    command += [sys.executable, "-m", "aecli", *command_words(words, export=False)]
    inherited = {name: value for name, value in os.environ.items() if name not in {"AECLI_CACHE", "AECLI_DATA"}}
    variables = inherited | dict(environment or {})
    done = subprocess.run(command, capture_output=True, cwd=cwd, env=variables, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def succeed(*words: object, export: bool = False, plots: bool = False) -> Result:
    """Run `aecli` in this process and check that its exit status is 0; see `run_here`."""
    result = run_here(*words, export=export, plots=plots)
    assert result.status == 0, result.err
    return result
