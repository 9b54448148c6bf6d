"""Docstrings of the functions of `aecli`: they document each argument, and errors that exist."""

import inspect
import re

import pytest

import aecli
from aecli import errors

FUNCTIONS = [name for name in aecli.__all__ if inspect.isfunction(getattr(aecli, name))]


def section(name: str, title: str) -> str:
    """Return a section of the docstring of a function."""
    documentation = inspect.getdoc(getattr(aecli, name)) or ""  # Python 3.13 removes the indentation itself
    return documentation.partition(f"\n{title}:\n")[2].partition("\n\n")[0]


def test_all_kinds_of_functions_are_found() -> None:
    assert {"train", "load", "compress", "search"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_documented_in_the_order_of_the_signature(name: str) -> None:
    documented = re.findall(r"^    (\w+): ", section(name, "Args"), re.MULTILINE)
    assert documented == list(inspect.signature(getattr(aecli, name)).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_documented_errors_exist(name: str) -> None:
    documented = re.findall(r"^    ([\w.]+): ", section(name, "Raises"), re.MULTILINE)
    assert documented
    for error in documented:
        assert error == "KeyboardInterrupt" or hasattr(errors, error.removeprefix("aecli.errors.")), error
