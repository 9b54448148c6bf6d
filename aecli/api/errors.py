"""Errors and warnings as Python shows them: with the hint, and with keyword arguments instead of options."""

import inspect
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from aecli.errors import AecliError, AecliWarning

COMMAND = re.compile(r"\baecli [a-z]")
SETTING = re.compile(r"--set (?:([\w.]+)=([\w.-]+)|'([\w.]+)=([^']+)')")
SETTINGS = re.compile(rf"{SETTING.pattern}(?: {SETTING.pattern})*")
VALUED = re.compile(r"--([a-z][a-z-]*) (\d[\w.-]*|[A-Z]{2,})")
SWITCH = re.compile(r"--(resume|overwrite|skip-damaged|download)\b")
OPTION = re.compile(r"--([a-z][a-z-]*)")
NEIGHBORS = re.compile(r"(\b[a-z_]+=(?:\{[^}]*\}|\S*[^\s,])) (?=[a-z_]+=)")
NAMES = {"val": "validation"}
"""Options whose keyword argument has another name, and those names."""


@contextmanager
def python_errors() -> Iterator[None]:
    """Let the errors of aecli name keyword arguments, and show their hint once below the traceback.

    Functions that call each other may all use it.

    Raises:
        AecliError: the error of the `with` block.
    """
    try:
        yield
    except AecliError as error:
        error.message = in_python(error.message)
        error.args = (error.message,)
        if error.hint:
            error.hint = in_python(error.hint)
            note = f"hint: {error.hint}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise


def in_python(text: str) -> str:
    """Return a message with keyword arguments in place of the options of the command line.

    `--batch-size 8 --lr 0.1` becomes `batch_size=8, lr=0.1`, `--resume` becomes `resume=True`, and
    `--set optimizer.lr=0.1` becomes `settings={"optimizer.lr": 0.1}`. A command to type in a shell stays as it is.
    """
    command = COMMAND.search(text)
    text, shell = (text[: command.start()], text[command.start() :]) if command else (text, "")
    text = SETTINGS.sub(_settings, text)
    text = VALUED.sub(lambda match: f"{_argument(match[1])}={_literal(match[2])}", text)
    text = SWITCH.sub(lambda match: f"{_argument(match[1])}=True", text)
    text = OPTION.sub(lambda match: _argument(match[1]), text)
    return NEIGHBORS.sub(r"\1, ", text) + shell


def warn_all(messages: Iterable[str]) -> None:
    """Issue each warning once, as an `AecliWarning` of the line that called the function of `aecli`."""
    for message in dict.fromkeys(messages):
        warnings.warn(in_python(message), AecliWarning, stacklevel=3)


class CallerWarnings:
    """Issues warnings at once as those of the line that called a function of `aecli`, and collects them.

    The caller's filters decide, and not those that Lightning's messages are silenced with during a training.
    """

    def __init__(self) -> None:
        """Find the caller of the function that calls this."""
        frame = inspect.currentframe()
        for _ in range(2):
            frame = frame.f_back if frame else None
        self._globals: dict[str, Any] = frame.f_globals if frame else {}
        self._where = (frame.f_code.co_filename, frame.f_lineno) if frame else ("<unknown>", 0)
        self._filters = list(warnings.filters)
        self.issued: list[str] = []

    def issue(self, message: str) -> None:
        """Issue a warning, unless it was issued before."""
        message = in_python(message)
        if message in self.issued:
            return
        self.issued.append(message)
        with warnings.catch_warnings():
            warnings.resetwarnings()
            filters: list[Any] = self._filters
            for action, text, category, module, line in filters:
                warnings.filterwarnings(action, _pattern(text), category, _pattern(module), line, append=True)
            registry = self._globals.setdefault("__warningregistry__", {})
            warnings.warn_explicit(message, AecliWarning, *self._where, self._globals.get("__name__"), registry)


def _pattern(expression: Any) -> str:
    """Return the text of a compiled pattern; the filters that Python starts with hold text or None."""
    return str(getattr(expression, "pattern", expression or ""))


def _argument(option: str) -> str:
    return NAMES.get(option, option.replace("-", "_"))


def _settings(match: re.Match[str]) -> str:
    found = ((key or quoted, value or text) for key, value, quoted, text in SETTING.findall(match[0]))
    pairs = (f'"{key}": {_literal(value)}' for key, value in found)
    return f"settings={{{', '.join(pairs)}}}"


def _literal(value: str) -> str:
    """Return a number, a list, a boolean or a placeholder such as DATA as it is, and other text in quotes."""
    if value in ("true", "false"):
        return value.capitalize()
    return value if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?|[A-Z]{2,}|\[.*\]", value) else f'"{value}"'
