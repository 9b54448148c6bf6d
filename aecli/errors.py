"""What can go wrong, and what the shell is told about it.

AecliError
├── UsageError        2   the command line makes no sense
├── InputError        4   an input is missing, damaged or does not fit
│   └── RecipeError   4   a recipe has a key or a value that it must not have
├── OutputExistsError 5   the output is there already
└── UnavailableError  6   a data set, package, device or disk is not available here

Interrupted         130   Ctrl-C; 143 for SIGTERM. Not an Exception: nothing but the shell may catch it.
"""

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of every command."""

    DONE = 0
    BUG = 1
    USAGE = 2
    PARTIAL = 3
    INPUT = 4
    EXISTS = 5
    UNAVAILABLE = 6
    ANOMALY = 10
    INTERRUPTED = 130
    TERMINATED = 143


class AecliError(Exception):
    """An error that its reader can do something about.

    `message` says in one line what is wrong and where; `hint` says what to type next.
    """

    status = ExitStatus.BUG

    def __init__(self, message: str, *, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AecliError):
    """The command line makes no sense."""

    status = ExitStatus.USAGE


class InputError(AecliError):
    """An input is missing, damaged or does not fit."""

    status = ExitStatus.INPUT


class RecipeError(InputError):
    """A recipe has a key or a value that it must not have."""


class OutputExistsError(AecliError):
    """The output is there already and is not replaced without being asked."""

    status = ExitStatus.EXISTS


class UnavailableError(AecliError):
    """A data set, an optional package, a device or disk space is not available here."""

    status = ExitStatus.UNAVAILABLE


class Interrupted(BaseException):
    """A signal asked the process to stop; what was done so far is kept."""

    def __init__(self, status: ExitStatus = ExitStatus.INTERRUPTED, *, hint: str | None = None):
        super().__init__(status.name.lower())
        self.status = status
        self.hint = hint


def origin(error: BaseException) -> BaseException:
    """Return the system's error or the signal that an error came from, else the error itself.

    Libraries such as zipfile and torch, when they cannot go on writing, raise another error on their way out.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) or not isinstance(link, Exception):
            return link
        link = link.__context__
    return error


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Say that `name` is no known `kind`, which one was perhaps meant, and which there are."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    meant = f" (did you mean '{close[0]}'?)" if close else ""
    return f"unknown {kind} '{name}'{meant}; known: {', '.join(valid)}"
