"""One file for each architecture, found by its name: `conv.py` defines `conv(image_shape, *, ...)`.

An architecture is a function of the image shape (C, H, W) and of keyword arguments with defaults. It returns an
encoder, (N, C, H, W) float -> (N, *code shape), and a decoder, (N, *code shape) -> (N, C, H, W).
"""

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from aecli.errors import RecipeError, unknown

if TYPE_CHECKING:
    from torch import nn

Parts = tuple["nn.Module", "nn.Module"]


def architecture_names() -> list[str]:
    """Return the names of all architectures, sorted, without importing any."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def build_parts(name: str, image_shape: tuple[int, int, int], arguments: Mapping[str, Any]) -> Parts:
    """Build the encoder and the decoder of the architecture `name`.

    Raises:
        RecipeError: the architecture or an argument is unknown, or the network cannot be built with a value.
    """
    function = _architecture_function(name)
    _check_arguments(name, function, arguments)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*zero-element tensors")  # raises below
            parts = function(image_shape, **arguments)
        if any(parameter.numel() == 0 for part in parts for parameter in part.parameters()):
            raise ValueError("a layer has no units")
        return parts
    except (TypeError, ValueError, RuntimeError, MemoryError) as error:
        values = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise RecipeError(
            f"architecture {name} cannot be built for images of shape {image_shape} with {values or 'no arguments'}: "
            f"{str(error).splitlines()[0]}"
        ) from error


def resolve_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of the architecture: those given, and defaults for the others.

    Raises:
        RecipeError: the architecture or an argument is unknown.
    """
    function = _architecture_function(name)
    _check_arguments(name, function, arguments)
    defaults = {key: _as_list(parameter.default) for key, parameter in _keyword_parameters(function).items()}
    return defaults | dict(arguments)


def read_arguments(name: str) -> dict[str, Any]:
    """Return the arguments of an architecture whose defaults are literals, without importing its file, and so torch."""
    tree = ast.parse(Path(__path__[0], f"{name}.py").read_text("utf-8"))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    found = {}
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        with suppress(ValueError, TypeError):
            found[argument.arg] = _as_list(ast.literal_eval(default))  # type: ignore[arg-type]
    return found


def _architecture_function(name: str) -> Callable[..., Parts]:
    if name not in architecture_names():
        raise RecipeError(unknown("architecture", name, architecture_names()))
    return getattr(import_module(f"{__name__}.{name}"), name)  # type: ignore[no-any-return]


def _keyword_parameters(function: Callable[..., Parts]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters
    return {key: value for key, value in parameters.items() if value.kind is inspect.Parameter.KEYWORD_ONLY}


def _check_arguments(name: str, function: Callable[..., Parts], arguments: Mapping[str, Any]) -> None:
    for key in arguments:
        if key not in _keyword_parameters(function):
            raise RecipeError(unknown(f"argument of architecture {name}", key, _keyword_parameters(function)))


def _as_list(value: Any) -> Any:
    """Return a tuple as the list that TOML makes of it; other values unchanged."""
    return list(value) if isinstance(value, tuple) else value
