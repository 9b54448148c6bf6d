"""The table of contents: all commands, in the order of the pipeline."""

from typing import Annotated

import typer

from aecli import __version__
from aecli.cli.command import command, current_spelling, examples
from aecli.cli.commands import (
    calibrate,
    classify,
    compare,
    completion,
    compress_report,
    datasets,
    decode,
    detect,
    doctor,
    duplicates,
    encode,
    export,
    info,
    knn_probe,
    report,
    search,
    train,
    tsne,
)
from aecli.cli.help import Command, Group
from aecli.errors import ExitStatus

app = typer.Typer(
    name="aecli",
    help="Autoencoders from the shell: every result is a file.",
    epilog=examples("aecli train mnist5k -o run", "aecli encode mnist5k:test --model run -o codes.npz"),
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": current_spelling},
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

COMMANDS = {
    "Train and convert": (train, encode, decode),
    "Study codes": (tsne, search, duplicates, knn_probe, compress_report),
    "Detect, classify and compare": (calibrate, detect, classify, compare, report),
    "Files and this machine": (export, info, datasets, doctor, completion),
}
"""The modules of the commands under the headings of `aecli --help`."""

for heading, modules in COMMANDS.items():
    for module in modules:
        name = module.__name__.rsplit(".", 1)[-1]
        register = app.command(name.replace("_", "-"), cls=Command, epilog=module.EXAMPLES, rich_help_panel=heading)
        register(command(getattr(module, name)))


def _print_version(requested: bool) -> None:
    if requested:
        print(f"aecli {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Autoencoders from the shell: every result is a file."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(ExitStatus.USAGE)
