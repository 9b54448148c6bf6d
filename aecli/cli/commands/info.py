"""`aecli info`."""

from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console

EXAMPLES = examples(
    "aecli info run", "aecli info codes.npz --json", "aecli info combined", "aecli info photos/", "aecli info archive/"
)
FileArg = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Run folder, model, detector, code file, archive or .aec file, recipe, name of a built-in one, or DATA.",
        show_default=False,
    ),
]


def info(file: FileArg, console: Console) -> None:
    """Describe a file and its origin, or the images of a folder or data set."""
    from aecli.reports.describe import describe

    description = describe(file)
    console.result(description.as_text(), description.to_dict())
