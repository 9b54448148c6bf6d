"""What the pages about a command say about its arguments and options: names, values, defaults and headings."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

GENERAL = "Options"
"""The heading of options that have no panel of their own."""


def is_argument(parameter: Any) -> bool:
    """Return whether a parameter is an argument, and not an option."""
    return bool(parameter.param_type_name == "argument")


def flags(option: Any) -> list[str]:
    """Return all names of an option, the short one first."""
    return [*sorted(option.opts, key=len), *option.secondary_opts]


def value_name(parameter: Any) -> str:
    """Return what stands for the value: `DIR`, or nothing for a flag."""
    return "" if getattr(parameter, "is_flag", False) else parameter.metavar or ""


def choices(parameter: Any) -> list[str]:
    """Return the words among the alternatives in the name of the value: `first` and `all` of `first|all`."""
    return [word for word in value_name(parameter).removesuffix("...").split("|") if word and word == word.lower()]


def default_text(parameter: Any) -> str:
    """Return the default value if the help text does not already state it; otherwise an empty string."""
    if is_argument(parameter) or parameter.required or not parameter.show_default or parameter.default is None:
        return ""
    if parameter.is_flag:
        return flags(parameter)[-1 if not parameter.default else 0] if parameter.secondary_opts else ""
    return str(parameter.default)


def panel(parameter: Any) -> str:
    """Return the heading under which the help lists an option."""
    return getattr(parameter, "rich_help_panel", None) or ("Arguments" if is_argument(parameter) else GENERAL)


def panels(parameters: Iterable[Any]) -> Mapping[str, list[Any]]:
    """Return the parameters under their headings: arguments, general options, then the others in order."""
    found: dict[str, list[Any]] = {"Arguments": [], GENERAL: []}
    for parameter in parameters:
        if not getattr(parameter, "hidden", False):
            found.setdefault(panel(parameter), []).append(parameter)
    return {heading: members for heading, members in found.items() if members}


def usage(path: str, parameters: Iterable[Any]) -> str:
    """Return the shape of a call: the command, its arguments, the options that it needs, and `[OPTIONS]`."""
    return " ".join([path, *_usage_words(list(parameters)), "[OPTIONS]"])


def _usage_words(parameters: list[Any]) -> Iterator[str]:
    for parameter in parameters:
        if is_argument(parameter):
            yield parameter.metavar if parameter.required else f"[{parameter.metavar}]"
    for parameter in parameters:
        if not is_argument(parameter) and parameter.required:
            yield f"{flags(parameter)[0]} {value_name(parameter)}"
