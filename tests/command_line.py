"""The command line as a function: in this process, or in one of its own."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Result:
    """What a call of the command line came to."""

    status: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def rows(self) -> list[list[str]]:
        """The cells of each line of a table."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def documents(self) -> list[Any]:
        """Each line as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]
"""Runs `aecli` with words and paths, `stdin` and `cwd`."""


def run_here(*words: str | Path, stdin: bytes = b"") -> Result:
    """Run `aecli` in this process, which has imported torch already."""
    from aecli.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    status = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)  # a signal changes it
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Result(status, out.buffer.getvalue(), err.buffer.getvalue().decode())


def run_apart(*words: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Result:
    """Run `aecli` in a process of its own, as a shell does."""
    command = [sys.executable, "-m", "aecli", *map(str, words)]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def succeed(*words: str | Path) -> Result:
    """Run `aecli` here and expect it to succeed."""
    result = run_here(*words)
    assert result.status == 0, result.err
    return result
