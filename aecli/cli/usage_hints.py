"""What to type after an invalid command line."""

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from aecli.cli.parameters import flags, is_argument, usage
from aecli.storage.run_files import MODEL_FILE

PLAIN = {
    r"Input should be a valid number.*": "not a number",
    r": (['\"]).*\1 is not a valid float$": ": not a number",
    r"Input should be a valid integer.*": "not a whole number",
    r": (['\"]).*\1 is not a valid integer$": ": not a whole number",
    r"Got unexpected extra arguments? \((.*)\)$": r"unexpected arguments: \1",
    r"Got unexpected extra argument\(s\) \((.*)\)$": r"unexpected arguments: \1",
}
"""Messages of Typer, before and since it uses pydantic in 0.29, and plain ones."""


def plain_message(message: str) -> str:
    """Return a usage error of Typer in plain words, without a full stop."""
    text = message.strip().removesuffix(".")
    for pattern, plain in PLAIN.items():
        text = re.sub(pattern, plain, text)
    return text[:1].lower() + text[1:]


def usage_hint(error: Any, words: Sequence[str]) -> str:
    """Return what to type: the corrected command line if the mistake is known, how the command is called, or its help.

    Args:
        error: A usage error of Typer, whose class is not public.
        words: The words of the command line.
    """
    context = getattr(error, "ctx", None)
    if context is None or not words or words[0] not in context.command_path.split():
        return f"{context.command_path if context else 'aecli'} --help"
    parameters: list[Any] = context.command.params
    if setting := _split_setting(words):
        return setting
    missing = getattr(error, "param", None)
    kind = type(error).__name__
    if kind == "MissingParameter" and missing is not None and missing.name == "model":
        for word in words[1:]:
            if _is_model(Path(word)):
                return f"{word} is a model: {_with_model(words, word, parameters)}"
    if kind == "MissingParameter" or "unexpected" in str(error.format_message()):
        return usage(context.command_path, parameters)
    return f"{context.command_path} --help"


def _split_setting(words: Sequence[str]) -> str | None:
    """Return `--set KEY=VALUE` for `--set KEY VALUE`."""
    for (flag, key), (_, value) in pairwise(pairwise(words)):
        if flag == "--set" and "=" not in key and not value.startswith("-"):
            return f"--set {key}={value}"
    return None


def _is_model(path: Path) -> bool:
    try:
        return (path / MODEL_FILE).is_file() or (path.suffix in {".safetensors", ".onnx"} and path.is_file())
    except (OSError, ValueError):  # a name that is too long, or with a null character
        return False


def _with_model(words: Sequence[str], model: str, parameters: Sequence[Any]) -> str:
    """Return the command line with a word as the value of --model."""
    others = [word for word in words[1:] if word != model]
    values = {after for word, after in pairwise(others) if word.startswith("-")}
    has_arguments = any(not word.startswith("-") and word not in values for word in others)
    argument = next((each for each in parameters if is_argument(each)), None)
    named = [] if has_arguments or argument is None else [argument.metavar]
    model_flag = next(flags(each)[-1] for each in parameters if each.name == "model")
    return " ".join(["aecli", words[0], *named, *map(shlex.quote, others), model_flag, shlex.quote(model)])
