"""Functions become commands: a dataclass parameter becomes a group of options, and every help text ends in examples."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer

from aecli.cli.console import Console
from aecli.cli.help import print_everything
from aecli.data.options import DataOptions
from aecli.errors import InputError
from aecli.runtime.thread_count import VARIABLE, choose_threads, parse_threads

FORMER_SPELLINGS: Mapping[str, str] = {
    "--neighbours": "--neighbors",
    "--accelerator": "--device",
}
"""Option names of earlier versions, which commands accept with a note but do not list, and today's names."""
SYNONYMS: Mapping[str, str] = {"--frames": "--pages"}
"""Other names that commands accept but do not list, and those that they list."""
former_spellings: list[str] = []
"""The option names of earlier versions in this call, each once."""


THREADS = typer.Option(
    "--threads",
    metavar="N|auto",
    parser=parse_threads,
    envvar=VARIABLE,
    rich_help_panel="Devices",
    show_default=False,
    help="CPU threads. auto, the default, follows what other programs leave free; then results differ by rounding "
    "between two runs. A fixed number, given here or by OMP_NUM_THREADS, makes repeated runs byte-identical.",
)
"""An option of every command."""
CODEC = typer.Option(
    "--codec",
    metavar="MODEL",
    rich_help_panel="Images",
    show_default=False,
    help="Codec that decodes .aec files among the images: a run folder or file; default: --model, if it is a codec.",
)
"""An option of the commands that read images."""
HELP_ALL = typer.Option(
    "--help-all",
    callback=print_everything,
    is_eager=True,
    rich_help_panel="Output",
    help="Show this page with the options that many commands have.",
)
"""An option of every command."""


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` with each dataclass parameter replaced by options, one for each field.

    Every command has `--threads` and `--help-all`, too, and one that reads images `--codec`.

    The grouped options come last. A field's metadata holds `help`, and may hold `flags` (default: `--field-name`) and
    any other argument of `typer.Option`; fields without `help` are not options. `function` still receives the
    dataclass, built from the options' values.
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
        options = [entry for entry in fields(group) if "help" in entry.metadata]
        groups[name] = cast(Callable[..., Any], group), [entry.name for entry in options]
        grouped += [_parameter(entry, get_type_hints(group)[entry.name]) for entry in options]

    @wraps(function)
    def expanded(**values: Any) -> None:
        _note_former_spellings(bool(values.get("quiet")))
        choose_threads(values.pop("threads"))
        del values["help_all"]  # which has printed the page and ended the command
        if (codec := values.pop("codec", None)) is not None:
            _read_archives_with(codec)
        for name, (group, options) in groups.items():
            values[name] = group(**{option: values.pop(option) for option in options})
        function(**values)

    if DataOptions in hints.values() or "pages" in hints:
        codec_option = Annotated[Path | None, CODEC]
        grouped.append(
            inspect.Parameter("codec", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=codec_option)
        )
    for name, default, annotation in (
        ("threads", None, Annotated[Any, THREADS]),
        ("help_all", False, Annotated[bool, HELP_ALL]),
    ):
        grouped.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    parameters += grouped
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def _read_archives_with(codec: Path) -> None:
    """Decode `.aec` files with a codec during this command.

    Raises:
        InputError: there is no such model, or it is not a codec.
    """
    from aecli.checkpoint import resolve_checkpoint
    from aecli.inference.archive_images import read_archives_with

    model = resolve_checkpoint(codec)
    if not model.is_codec:
        raise InputError(f"--codec names a model that is not a codec: {codec}", hint="train one with --recipe codec")
    read_archives_with(model)


def current_spelling(token: str) -> str:
    """Return the listed name of an option, both without dashes; other words stay as they are."""
    option = f"--{token}"
    if option in FORMER_SPELLINGS and option not in former_spellings:
        former_spellings.append(option)
    return {**FORMER_SPELLINGS, **SYNONYMS}.get(option, option).removeprefix("--")


def _note_former_spellings(quiet: bool) -> None:
    for option in former_spellings:
        Console(quiet=quiet).note(f"note: {option} is now called {FORMER_SPELLINGS[option]}")


def examples(*lines: str) -> str:
    """Return the last part of a command's help: calls to copy."""
    return "\n".join(lines)


def _parameter(entry: "Field[Any]", annotation: Any) -> inspect.Parameter:
    metadata = dict(entry.metadata)
    flags = metadata.pop("flags", (f"--{entry.name.replace('_', '-')}",))
    default = entry.default if entry.default is not MISSING else inspect.Parameter.empty
    return inspect.Parameter(
        entry.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[annotation, typer.Option(*flags, **metadata)],
    )
