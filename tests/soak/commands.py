"""Run commands in new processes, as a shell does."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
USER = ("HOME", "AECLI_CACHE", "AECLI_DATA", "MPLCONFIGDIR")
"""Variables that name folders of the user."""
TIMEOUT = 2 * 3600
"""Seconds after which a command counts as hanging; the whole soak test may be paused meanwhile."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str


def aecli(*words: object) -> list[str]:
    """Return the command line of `aecli`."""
    return [sys.executable, "-m", "aecli", *map(str, words)]


def environment(temporary: Path) -> dict[str, str]:
    """Return the variables of a command whose TMPDIR is `temporary`."""
    return os.environ | {"TMPDIR": str(temporary)}


def run_command(command: Sequence[str], place: Path) -> Done:
    """Run a command in a folder, whose `tmp` is its TMPDIR, until it ends.

    Raises:
        TimeoutExpired: the command hangs.
    """
    done = subprocess.run(
        command,
        cwd=place,
        env=environment(place / "tmp"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def has_error(lines: Sequence[str]) -> bool:
    """Return whether there is an error among the lines of standard error."""
    return any(line.startswith(("error", "Traceback")) for line in lines)


def require_this_package() -> None:
    """Check that the commands run the `aecli` of this repository.

    Raises:
        RuntimeError: they run another one.
    """
    found = run_command([sys.executable, "-c", "import aecli; print(aecli.__file__)"], ROOT).out.strip()
    if Path(found) != ROOT / "aecli" / "__init__.py":
        raise RuntimeError(f"the commands would run {found}")
