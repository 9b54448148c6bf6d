"""Errors and warnings as Python shows them: with the hint, and with keyword arguments instead of options."""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aecli.errors import AecliError, AecliWarning

SETTING = re.compile(r"--set ([\w.]+)=([\w.-]+)")
VALUED = re.compile(r"--([a-z][a-z-]*) (\d[\w.-]*)")
SWITCH = re.compile(r"--(resume|overwrite|skip-damaged|download)\b")
OPTION = re.compile(r"--([a-z][a-z-]*)")
NAMES = {"output": "output", "val": "validation", "device": "device"}
"""Options whose keyword argument has another name, and those names."""


@contextmanager
def python_errors() -> Iterator[None]:
    """Let the errors of aecli name keyword arguments, and show their hint below the traceback.

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
            error.add_note(f"hint: {error.hint}")
        raise


def in_python(text: str) -> str:
    """Return a message with keyword arguments in place of the options of the command line.

    `--batch-size 8` becomes `batch_size=8`, `--resume` becomes `resume=True`, and `--set optimizer.lr=0.1` becomes
    `settings={"optimizer.lr": 0.1}`. Commands to type in a shell stay as they are.
    """
    if text.startswith("aecli "):
        return text
    text = SETTING.sub(lambda match: f'settings={{"{match[1]}": {_literal(match[2])}}}', text)
    text = VALUED.sub(lambda match: f"{_argument(match[1])}={_literal(match[2])}", text)
    text = SWITCH.sub(lambda match: f"{_argument(match[1])}=True", text)
    return OPTION.sub(lambda match: _argument(match[1]), text)


def warn_all(messages: Iterable[str]) -> None:
    """Issue each warning once, as an `AecliWarning` of the line that called the function of `aecli`."""
    for message in dict.fromkeys(messages):
        warnings.warn(in_python(message), AecliWarning, stacklevel=3)


def _argument(option: str) -> str:
    return NAMES.get(option, option.replace("-", "_"))


def _literal(value: str) -> str:
    return value if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value) else f'"{value}"'
