"""A function becomes a command: groups of options are dataclasses, and every command shows examples."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, cast, get_type_hints

import typer


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` with each dataclass parameter replaced by options, one for each field of the class.

    The grouped options come last. A field's metadata may hold `help`, `flags` (else `--its-name`) and any other
    argument of `typer.Option`; fields without `help` are no options. The function still gets the dataclass, built
    from what was typed.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    grouped: list[inspect.Parameter] = []
    groups: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        group = hints[name]
        if not is_dataclass(group):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
            continue
        options = [option for option in fields(group) if "help" in option.metadata]
        groups[name] = cast(Callable[..., Any], group), [option.name for option in options]
        grouped += [_parameter(option, get_type_hints(group)[option.name]) for option in options]

    @wraps(function)
    def expanded(**values: Any) -> None:
        for name, (group, options) in groups.items():
            values[name] = group(**{option: values.pop(option) for option in options})
        function(**values)

    parameters += grouped
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def examples(*lines: str) -> str:
    """Return the end of a command's help: what one may type."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  [cyan]{line}[/cyan]" for line in lines)])


def _parameter(option: "Field[Any]", annotation: Any) -> inspect.Parameter:
    metadata = dict(option.metadata)
    flags = metadata.pop("flags", (f"--{option.name.replace('_', '-')}",))
    default = option.default if option.default is not MISSING else inspect.Parameter.empty
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[annotation, typer.Option(*flags, **metadata)],
    )
