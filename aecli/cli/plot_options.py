"""Options of the commands that draw a plot."""

from pathlib import Path
from typing import Annotated, Any

import typer

from aecli.plots.formats import DEFAULT_DPI

DpiOpt = Annotated[
    int | None,
    typer.Option(
        "--dpi",
        metavar="N",
        help="Pixels per inch of a PNG plot, and of the images and the many points in an SVG or PDF plot; default: "
        f"{DEFAULT_DPI}.",
    ),
]
FoundOutputOpt = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="Write the first results with their images: a grid whose suffix is .png, .svg or .pdf, or a page that "
        "ends in .html; - writes a PNG file to standard output.",
    ),
]


def plot_option(help: str, *flags: str, **typer_arguments: Any) -> Any:
    """Return the option that names a plot to write; `flags` are --output and -o if none are given."""
    return typer.Option(
        *(flags or ("--output", "-o")),
        metavar="PLOT",
        help=f"{help} Its suffix is .png, .svg or .pdf; - writes a PNG file to standard output.",
        **typer_arguments,
    )
