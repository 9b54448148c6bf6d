"""`aecli info`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console

EXAMPLES = examples("aecli info run", "aecli info codes.npz --json", "aecli info combined")
FileArg = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Run folder, model, detector, code file or recipe; or the name of a built-in recipe.",
        show_default=False,
    ),
]


def info(file: FileArg, console: Console) -> None:
    """Describe a file and its origin."""
    from aecli.reports.describe import describe

    description = describe(file)
    console.result(description.as_text(), description.to_dict())
