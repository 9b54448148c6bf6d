"""Dataclass fields that the command line offers as options; imports nothing heavy."""

from dataclasses import field
from typing import Any


def option(default: Any, help: str, *flags: str, panel: str | None = None, **typer_arguments: Any) -> Any:
    """Return a dataclass field that `aecli.cli.command` turns into a command-line option.

    Args:
        default: The field's default value.
        help: The option's help text.
        flags: The option's names; `--field-name` if none is given.
        panel: The heading under which `--help` lists the option.
        typer_arguments: Further arguments of `typer.Option`, such as `metavar` or `parser`.
    """
    metadata: dict[str, Any] = {"help": help, **typer_arguments}
    if flags:
        metadata["flags"] = flags
    if panel is not None:
        metadata["rich_help_panel"] = panel
    return field(default=default, metadata=metadata)
