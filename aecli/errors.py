"""Exceptions, and the exit status that each one gives the command line.

AecliError
├── UsageError        2   invalid command line
├── InputError        4   an input is missing, damaged or does not fit
│   └── RecipeError   4   a recipe has an unknown key or an invalid value
├── OutputExistsError 5   the output exists already
└── UnavailableError  6   a data set, package, device or disk space is not available

AecliWarning              a warning of the Python interface
Interrupted         130   Ctrl-C; 143 for SIGTERM. Not an Exception, so that no `except Exception` catches it.
"""

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of all commands."""

    DONE = 0
    BUG = 1
    USAGE = 2
    PARTIAL = 3
    INPUT = 4
    EXISTS = 5
    UNAVAILABLE = 6
    ANOMALY = 10
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


class AecliError(Exception):
    """Base class of the errors that the user can fix.

    `message` states in one line what is wrong and where; `hint` states what to type next.
    """

    status = ExitStatus.BUG

    def __init__(self, message: str, *, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AecliError):
    """Invalid command line."""

    status = ExitStatus.USAGE


class InputError(AecliError):
    """An input is missing, damaged or does not fit."""

    status = ExitStatus.INPUT


class RecipeError(InputError):
    """A recipe has an unknown key or an invalid value."""


class OutputExistsError(AecliError):
    """The output exists already and is not replaced unless the user asks for it."""

    status = ExitStatus.EXISTS


class UnavailableError(AecliError):
    """A data set, an optional package, a device or disk space is not available."""

    status = ExitStatus.UNAVAILABLE


class AecliWarning(UserWarning):
    """A warning of the functions of `aecli` for Python; the command line prints it on standard error."""


class Interrupted(BaseException):
    """A signal asked the process to stop; completed work is kept."""

    def __init__(self, status: ExitStatus = ExitStatus.INTERRUPTED, *, hint: str | None = None):
        super().__init__(status.name.lower())
        self.status = status
        self.hint = hint


def root_cause(error: BaseException) -> BaseException:
    """Return the OSError or signal in whose handling `error` was raised, or `error` itself if there is none.

    Libraries such as zipfile and torch raise another error during cleanup when a write has failed.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) or not isinstance(link, Exception):
            return link
        link = link.__context__
    return error


SHORTAGES = ("DefaultCPUAllocator", "MPS backend out of memory")
"""Texts of the plain `RuntimeError` that torch raises if memory is lacking on the CPU, or on the GPU of a Mac."""


def is_memory_shortage(error: BaseException) -> bool:
    """Return whether memory is lacking, of this process or of a device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in SHORTAGES)


SHARED_START = 4
"""Letters: names that begin alike are more similar than others."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Return an error message for an unknown `name`, with the most similar valid name and all valid names."""
    valid = sorted(valid)
    similar = difflib.get_close_matches(name, valid, n=len(valid) or 1, cutoff=0.5)
    similar.sort(key=lambda other: not other.startswith(name[:SHARED_START]))  # stable: else the most similar one
    suggestion = f" (did you mean '{similar[0]}'?)" if similar else ""
    return f"unknown {kind} '{name}'{suggestion}; known: {', '.join(valid)}"
