"""The table of contents: all commands, in the order of the pipeline."""

from typing import Annotated

import typer

from aecli import __version__
from aecli.cli.command import command, current_spelling, examples
from aecli.cli.commands import (
    calibrate,
    classify,
    compare,
    compress_report,
    datasets,
    decode,
    detect,
    encode,
    export,
    info,
    knn_probe,
    train,
    tsne,
)

app = typer.Typer(
    name="aecli",
    help="Autoencoders from the shell: every result is a file.",
    epilog=examples("aecli train mnist5k -o run", "aecli encode mnist5k:test --model run -o codes.npz"),
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": current_spelling},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

for module in (
    *(train, encode, decode),
    *(tsne, knn_probe, compress_report),
    *(calibrate, detect, classify, compare),
    *(export, info, datasets),
):
    name = module.__name__.rsplit(".", 1)[-1]
    app.command(name.replace("_", "-"), epilog=module.EXAMPLES)(command(getattr(module, name)))


def _print_version(requested: bool) -> None:
    if requested:
        print(f"aecli {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Autoencoders from the shell: every result is a file."""
