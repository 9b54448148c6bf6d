"""Build dataclasses from plain values of a file, checking the values against the annotations."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

FORMERLY = "formerly"
"""Key of a field's metadata: the field's name in files of earlier versions, which `build` still reads."""
MAX_JSON_LENGTH = 10_000_000
"""Characters of the longest JSON text that is parsed."""
INTEGER_LIMIT = 2**63
"""Integers must be smaller in magnitude, as TOML and most JSON parsers require."""


def parse_json(text: str) -> Any:
    """Parse the JSON text of a file.

    Raises:
        ValueError: the text is not JSON, or is longer or nested deeper than any that aecli writes.
    """
    if len(text) > MAX_JSON_LENGTH:
        raise ValueError(f"{len(text):,} characters exceed the limit of {MAX_JSON_LENGTH:,}")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def build(kind: type[T], values: object) -> T:
    """Build the dataclass `kind` from plain values, as parsed from JSON; unknown keys are ignored.

    Fields that are dataclasses or tuples are built from objects and lists.

    Raises:
        ValueError: a value is missing or does not have the field's type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{shown(values)} instead of {kind.__name__}")
    hints = get_type_hints(kind)
    values_by_field = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        name = next((name for name in (entry.name, entry.metadata.get(FORMERLY)) if name in values), None)
        if name is not None:
            values_by_field[entry.name] = values[name]
    try:
        return kind(**{name: _value(value, hints[name], name) for name, value in values_by_field.items()})
    except TypeError as error:
        raise ValueError(str(error)) from error


def _value(value: Any, hint: Any, name: str) -> Any:
    if (present := _if_not_none(hint)) is not None:
        return None if value is None else _value(value, present, name)
    if is_dataclass(hint):
        return build(cast(type, hint), value)
    if get_origin(hint) is list and is_dataclass(get_args(hint)[0]) and isinstance(value, list):
        return [build(get_args(hint)[0], item) for item in value]
    if get_origin(hint) is tuple and isinstance(value, list):
        value = tuple(value)
    if not matches(value, hint):
        raise ValueError(f"{name} must be {type_name(hint)}, not {shown(value)}")
    if hint is float:
        return float(value)
    return [float(item) for item in value] if hint == list[float] else value


def _if_not_none(hint: Any) -> Any:
    """Return X for the annotation `X | None`, and None for any other."""
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    others = [choice for choice in choices if choice is not type(None)]
    return others[0] if len(others) == 1 and len(choices) == 2 else None


def matches(value: Any, hint: Any) -> bool:
    """Return whether a plain value has the annotated type; a float must be finite and may be given as an integer."""
    origin, choices = get_origin(hint), get_args(hint)
    fits: bool
    if origin in (Union, UnionType):
        fits = any(matches(value, choice) for choice in choices)
    elif origin is Literal:
        fits = any(value == choice and type(value) is type(choice) for choice in choices)
    elif origin is tuple:
        kinds = choices[:1] * len(value) if choices[-1] is ... else choices
        fits = isinstance(value, tuple) and len(value) == len(kinds) and all(map(matches, value, kinds))
    elif origin is list:
        fits = isinstance(value, list) and all(matches(item, choices[0]) for item in value)
    elif origin is dict:
        fits = isinstance(value, dict) and all(matches(item, choices[1]) for item in value.values())
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    elif hint is Any:
        fits = _is_plain(value)
    else:
        fits = type(value) is hint and (hint is not int or abs(value) < INTEGER_LIMIT)
    return fits


def type_name(hint: Any) -> str:
    """Describe the type of an annotation in words."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(type_name, choices))
    if origin is Literal:
        return " or ".join(map(repr, choices))
    if origin in (list, tuple):
        return f"a list of {type_name(choices[0]).removeprefix('a ')}s"
    words = {float: "a number", int: "a whole number", str: "a string", bool: "true or false"}
    return words.get(hint, "a table")


def _is_plain(value: Any) -> bool:
    """Return whether a value consists of JSON types only, so that it can be written to JSON again."""
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or any(matches(value, hint) for hint in (bool, int, float, str))


def shown(value: object) -> str:
    """Return the first characters of a value's `repr`, for a message."""
    try:
        return f"{value!r:.40}"
    except ValueError:  # Python does not print integers of that many digits
        return "a very long number"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is larger than any float
        return False
