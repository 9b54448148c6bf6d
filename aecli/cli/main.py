"""The program: runs a command, and turns whatever goes wrong into a message and an exit status, here and only here."""

import errno
import json
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from aecli.cli.console import printable
from aecli.errors import AecliError, ExitStatus, Interrupted, UnavailableError, origin

UNREADABLE = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EIO, errno.ESTALE, errno.ENOTDIR}
"""What is wrong with a path, or with the disk below it; no code is to blame."""

stops: list[ExitStatus] = []
"""What the signal that came asks for, if one did: C++ below torch and matplotlib may make another error of it.

Not the exception itself: its traceback would keep alive what only ends, and removes its files, when it is let go.
"""
SECONDS_TO_INSIST = 0.2


def main(arguments: list[str] | None = None) -> None:
    """Run `aecli` with the words of the command line and exit."""
    words = sys.argv[1:] if arguments is None else arguments
    stops.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    try:
        try:
            status = _run(words)
        finally:  # the status is certain, and the process ends with it
            _heed_no_more()
    except Interrupted as stop:  # while an error was being told, or after it
        status = _stopped(words, stop)
    sys.exit(status)


def _run(words: list[str]) -> int:
    try:
        from aecli.cli.app import app

        status = app(words, prog_name="aecli", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as stop:
        if isinstance(stop, SystemExit) and not isinstance(stop.__context__, BrokenPipeError):  # Typer's way to say so
            raise
        # The reader, such as head, has what it wanted. Nothing may be written at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.DONE
    except Interrupted as stop:
        return _stopped(words, stop)
    except AecliError as error:
        if "--debug" in words:
            _show_traceback()
        _tell(words, f"error: {error.message}", error.hint, error.status)
        return error.status
    except Exception as error:
        cause = Interrupted(stops[0]) if stops else origin(error)
        return _stopped(words, cause) if isinstance(cause, Interrupted) else _unforeseen(words, error)
    return status if isinstance(status, int) else ExitStatus.DONE


def _stopped(words: list[str], stop: Interrupted) -> int:
    _heed_no_more()
    _tell(words, stop.status.name.lower(), stop.hint, stop.status)
    return stop.status


def _unforeseen(words: list[str], error: Exception) -> int:
    if hasattr(error, "format_message") and getattr(error, "exit_code", None) == ExitStatus.USAGE:
        # Typer's error on the command line. Its class is not public: only its manners are.
        message = str(error.format_message()).strip().removesuffix(".")
        if not message:  # `aecli` alone: the help is on the console
            return ExitStatus.USAGE
        command = next((word for word in words if not word.startswith("-")), "")
        context = getattr(error, "ctx", None)
        path = context.command_path if context else f"aecli {command}".strip()
        _tell(words, f"error: {message[:1].lower()}{message[1:]}", f"{path} --help", ExitStatus.USAGE)
        return ExitStatus.USAGE
    if "--debug" in words:
        _show_traceback()
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        shortage = UnavailableError(
            "not enough memory", hint="a smaller --batch-size, smaller images, or another device"
        )
        _tell(words, f"error: {shortage.message}", shortage.hint, shortage.status)
        return shortage.status
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _tell(words, "error: no space left on the disk", "free some space", ExitStatus.UNAVAILABLE)
        return ExitStatus.UNAVAILABLE
    if isinstance(error, OSError) and error.filename is not None and error.errno in UNREADABLE:
        reason = (error.strerror or type(error).__name__).lower()
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        _tell(words, f"error: cannot read {name[:200]}: {reason}", "check the path", ExitStatus.INPUT)
        return ExitStatus.INPUT
    reason = str(error).splitlines()[0] if str(error) else "no message"
    _tell(
        words,
        f"error: a bug in aecli: {type(error).__name__}: {reason}",
        "run it again with --debug and report what it shows",
        ExitStatus.BUG,
    )
    return ExitStatus.BUG


def _tell(words: list[str], message: str, hint: str | None, status: int) -> None:
    lines = [message.replace("\n", " ")] + ([f"hint: {hint}"] if hint else [])
    if "--json" in words:
        document: dict[str, Any] = {"error": message.removeprefix("error: "), "hint": hint, "exit": int(status)}
        lines.append(json.dumps(document))
    with suppress(BrokenPipeError):
        print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)


def _show_traceback() -> None:
    import traceback

    traceback.print_exc()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ignore_signals()  # the clean-up is short: a second Ctrl-C must not cut it off
    sys.unraisablehook = _ignore  # complaints of objects that are torn down half-way are not for the user
    stops.append(ExitStatus.INTERRUPTED if number == signal.SIGINT else ExitStatus.TERMINATED)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _insist)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_INSIST, SECONDS_TO_INSIST)
    raise Interrupted(stops[0])


def _insist(number: int, frame: FrameType | None) -> None:
    """Raise again what was lost: C++, and Python where it tears an object down, drop what is raised below them.

    Where an exception is being handled, the clean-up goes on.
    """
    if sys.exception() is None:
        raise Interrupted(stops[0])


def _heed_no_more() -> None:
    _ignore_signals()
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _ignore(complaint: "sys.UnraisableHookArgs") -> None:
    pass
