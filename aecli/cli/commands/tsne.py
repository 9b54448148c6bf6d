"""`aecli tsne`."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from aecli.analyses.tsne.options import DEFAULT_PERPLEXITY, TSNEOptions
from aecli.cli.command import examples
from aecli.cli.console import Console, printable
from aecli.data.options import DataOptions
from aecli.data.shapes import NATIVE, Shape

EXAMPLES = examples(
    "aecli tsne codes.npz -o codes.png",
    "aecli tsne conv.npz sparse.npz -o both.png --sample all --coordinates both.npz",
)
CodeFilesArg = Annotated[
    list[Path],
    typer.Argument(
        metavar="CODES.npz...", help="Code files, a panel for each; - is standard input.", show_default=False
    ),
]
PlotOpt = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="PLOT.png", help="Plot to write; - is standard output.", show_default=False),
]
CoordinatesOpt = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="Write the points too, with labels and names.")
]
ImagesOpt = Annotated[
    str | None, typer.Option(metavar="DATA", help="Draw the images that the codes were made from, where there is room.")
]


def tsne(
    codes: CodeFilesArg,
    output: PlotOpt,
    tsne_options: TSNEOptions,
    data_options: DataOptions,
    console: Console,
    coordinates: CoordinatesOpt = None,
    images: ImagesOpt = None,
) -> None:
    """Lay codes out in a plane by t-SNE and draw them, colored by class."""
    from aecli.codes import load_codes
    from aecli.data import resolve
    from aecli.errors import UsageError
    from aecli.storage.paths import is_stream, require_file, require_output

    inputs = [require_file(path, "code file") for path in codes]
    images_ref = resolve(images) if images else None
    inputs += filter(None, [images_ref.path if images_ref else None])
    output = require_output(output, inputs=inputs, suffixes=[".png"])
    if coordinates:
        coordinates = require_output(coordinates, inputs=inputs, suffixes=[".npz"])
        if is_stream(coordinates) and is_stream(output):
            raise UsageError(
                "plot and coordinates cannot both go to standard output", hint="name a file for one of them"
            )

    from aecli.analyses.embedding import lay_out, protocol, require_layable

    loaded = [load_codes(path) for path in codes]
    for path, each in zip(codes, loaded, strict=True):
        perplexity = require_layable(each, tsne_options, str(path))
        if tsne_options.perplexity is None and perplexity < DEFAULT_PERPLEXITY:
            console.note(f"note: {path}: perplexity {perplexity:g}, the largest for so few codes")

    from aecli.plots import embedding as plot

    pictures = None
    rows: list[Any] = [None for _ in loaded]
    with console.progress("") as progress:
        if images_ref:
            from aecli.data import load
            from aecli.inference.matching import matching_images

            shape = cast(Shape, loaded[0].meta.image_shape or NATIVE)
            pictures = load(images_ref, data_options, image_shape=shape, skip_damaged=True, progress=progress)
            rows = [matching_images(each, pictures) for each in loaded]
        layouts = [lay_out(each, tsne_options, progress) for each in loaded]
    if pictures is not None:
        console.report_notes(pictures.notes, pictures.failures)
    titles = plot.panel_titles(layouts, codes)
    pixels = None if pictures is None else pictures.images
    panels = [plot.panel(title, layout, pixels, row) for title, layout, row in zip(titles, layouts, rows, strict=True)]
    plot.draw(panels, output)
    if coordinates:
        from aecli.codes.coordinates import save_coordinates

        save_coordinates(layouts, protocol(tsne_options), coordinates)

    documents = [
        {"codes": str(path)} | layout.origin() | layout.figures() | layout.seconds()
        for path, layout in zip(codes, layouts, strict=True)
    ]
    console.saved(
        output,
        "\n  ".join(printable(f"{panel.title}: {panel.note}") for panel in panels),
        {"coordinates": str(coordinates) if coordinates else None}
        | {"layouts": documents, "protocol": protocol(tsne_options)},
    )
