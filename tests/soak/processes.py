"""Read about processes in /proc."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process and its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.pid} {self.command}"


def resident_mebibytes(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(_field(pid, "VmRSS").split()[0]) / 1024


def open_files(pid: int) -> int:
    """Return the number of file descriptors of a process."""
    return len(list((PROC / str(pid) / "fd").iterdir()))


def handles(pid: int, number: Signals) -> bool:
    """Return whether a process has a handler for a signal."""
    return bool(int(_field(pid, "SigCgt"), 16) >> (number - 1) & 1)


def processes_with(variable: str, value: str) -> list[Process]:
    """Return the processes that were started with a value of an environment variable."""
    wanted = os.fsencode(f"{variable}={value}")
    found = []
    for pid in _all():
        with suppress(OSError):  # the process has ended, or belongs to another user
            if wanted in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found.append(Process(pid, _command(pid)))
    return found


def zombies_of(parent: int) -> list[Process]:
    """Return the children that have ended and that their parent has not waited for."""
    found = []
    for pid in _all():
        with suppress(OSError, LookupError):
            if _field(pid, "State").startswith("Z") and int(_field(pid, "PPid")) == parent:
                found.append(Process(pid, _field(pid, "Name")))
    return found


def _all() -> Iterator[int]:
    return (int(path.name) for path in PROC.iterdir() if path.name.isdecimal())


def _command(pid: int) -> str:
    return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def _field(pid: int, name: str) -> str:
    """Return a field of the status of a process.

    Raises:
        OSError: there is no such process.
        LookupError: it has no such field, such as memory after its end.
    """
    found = re.search(rf"^{name}:\s*(.*)$", (PROC / str(pid) / "status").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(name)
    return found[1]
