"""The program: runs a command and turns every error into a message and an exit status, in this file alone."""

import errno
import json
import os
import signal
import sys
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Any

from aecli.cli.colors import styled
from aecli.cli.console import printable
from aecli.errors import AecliError, ExitStatus, Interrupted, UnavailableError, is_memory_shortage, root_cause
from aecli.runtime import allocator
from aecli.runtime.python_internals import leave_at_once

UNREADABLE = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EIO, errno.ESTALE, errno.ENOTDIR}
"""Errors caused by a path or by its disk, and not by a bug."""

COMPLETION_REQUEST = "__complete"
"""The first word of a call by which the completion of a shell asks for candidates."""
stops: list[ExitStatus] = []
"""The exit status for the signal received, if any: C++ code below torch and matplotlib may replace its exception.

The exception itself is not kept: its traceback would keep objects alive that remove their files when they are deleted.
"""
SECONDS_BETWEEN_RAISES = 0.2


def program() -> None:
    """Run `aecli` in a process of its own, and end the process."""
    try:
        main()
    except SystemExit as stop:
        if isinstance(stop.code, int):
            leave_at_once(stop.code)
        raise


def main(arguments: list[str] | None = None) -> None:
    """Run `aecli` with the words of the command line, then exit."""
    words = sys.argv[1:] if arguments is None else arguments
    stops.clear()
    allocator.owned = True
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    try:
        try:
            status = _run(words)
        finally:  # a signal after this point must not change the exit status
            _stop_listening()
    except Interrupted as stop:  # the signal arrived while an error was printed, or right after
        status = _report_stop(words, stop)
    sys.exit(status)


def _run(words: list[str]) -> int:
    try:
        if words[:1] == [COMPLETION_REQUEST]:
            from aecli.cli.completion import print_candidates

            print_candidates(words[1:])
            return ExitStatus.DONE
        from aecli.cli.app import app
        from aecli.cli.command import former_spellings

        former_spellings.clear()
        status = app(words, prog_name="aecli", standalone_mode=False)
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # all is done, and the reader, such as head, has read enough
            _discard_output()
    except (BrokenPipeError, SystemExit) as stop:
        # Typer turns a broken pipe into SystemExit.
        if isinstance(stop, SystemExit) and not isinstance(stop.__context__, BrokenPipeError):
            raise
        _discard_output()
        return _report_stop(words, Interrupted(stops[0])) if stops else ExitStatus.CLOSED_PIPE
    except Interrupted as stop:
        return _report_stop(words, stop)
    except AecliError as error:
        if "--debug" in words:
            _print_traceback()
        print_error(words, f"error: {error.message}", error.hint, error.status)
        return error.status
    except Exception as error:
        cause = Interrupted(stops[0]) if stops else root_cause(error)
        return _report_stop(words, cause) if isinstance(cause, Interrupted) else _report_unexpected(words, error)
    return status if isinstance(status, int) else ExitStatus.DONE


def _discard_output() -> None:
    """Let nothing more be written to standard output: flushing it at exit would fail again."""
    with suppress(OSError):  # it is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_stop(words: list[str], stop: Interrupted) -> int:
    _stop_listening()
    print_error(words, stop.status.name.lower(), stop.hint, stop.status)
    return stop.status


def _report_unexpected(words: list[str], error: Exception) -> int:
    if hasattr(error, "format_message") and getattr(error, "exit_code", None) == ExitStatus.USAGE:
        # A usage error of Typer, whose class is not public.
        from aecli.cli.usage_hints import plain_message, usage_hint

        message = plain_message(str(error.format_message()))
        print_error(words, f"error: {message}", usage_hint(error, words), ExitStatus.USAGE)
        return ExitStatus.USAGE
    if "--debug" in words:
        _print_traceback()
    if is_memory_shortage(error):
        shortage = UnavailableError(
            "not enough memory",
            hint="use fewer or smaller images, in train also a smaller --batch-size, or another device",
        )
        print_error(words, f"error: {shortage.message}", shortage.hint, shortage.status)
        return shortage.status
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _discard_output()
        print_error(words, "error: no space left on the disk", "free some space", ExitStatus.UNAVAILABLE)
        return ExitStatus.UNAVAILABLE
    if isinstance(error, OSError) and error.filename is not None and error.errno in UNREADABLE:
        reason = (error.strerror or type(error).__name__).lower()
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        print_error(words, f"error: cannot read {name[:200]}: {reason}", "check the path", ExitStatus.INPUT)
        return ExitStatus.INPUT
    reason = str(error).splitlines()[0] if str(error) else "no message"
    print_error(
        words,
        f"error: a bug in aecli: {type(error).__name__}: {reason}",
        "run the command again with --debug and report its output",
        ExitStatus.BUG,
    )
    return ExitStatus.BUG


def print_error(words: list[str], message: str, hint: str | None, status: int) -> None:
    """Print the message and the hint on standard error, and a JSON line too if the words ask for JSON."""
    label, colon, rest = printable(message.replace("\n", " ")).partition(":")
    lines = [styled(label + colon, "error", sys.stderr) + rest]
    if hint:
        lines.append(f"{styled('hint:', 'hint', sys.stderr)} {printable(hint)}")
    if "--json" in words or "--format=json" in words or ("--format", "json") in pairwise(words):
        document: dict[str, Any] = {"error": message.removeprefix("error: "), "hint": hint, "exit": int(status)}
        lines.append(printable(json.dumps(document)))
    with suppress(BrokenPipeError):
        print(*lines, sep="\n", file=sys.stderr, flush=True)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ignore_signals()  # a second Ctrl-C must not cut the short clean-up off
    sys.unraisablehook = _discard  # objects that are deleted half-way would print errors
    stops.append(ExitStatus.INTERRUPTED if number == signal.SIGINT else ExitStatus.TERMINATED)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _raise_again)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_BETWEEN_RAISES, SECONDS_BETWEEN_RAISES)
    raise Interrupted(stops[0])


def _raise_again(number: int, frame: FrameType | None) -> None:
    """Raise the exception again if it was lost: C++ code and `__del__` methods drop exceptions.

    While an exception is being handled, the clean-up goes on undisturbed.
    """
    if sys.exception() is None:
        raise Interrupted(stops[0])


def _stop_listening() -> None:
    _ignore_signals()
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _discard(unraisable: "sys.UnraisableHookArgs") -> None:
    pass
