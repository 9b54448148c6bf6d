"""`aecli tsne`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from aecli.analyses.tsne.options import DEFAULT_PERPLEXITY, TSNEOptions
from aecli.cli.command import examples
from aecli.cli.console import Console, printable
from aecli.data.options import DataOptions

EXAMPLES = examples(
    "aecli tsne codes.npz -o codes.png",
    "aecli tsne conv.npz sparse.npz -o both.png --sample all --coordinates both.npz",
)
CodeFilesArg = Annotated[
    list[Path],
    typer.Argument(
        metavar="CODES.npz...", help="Code files, one panel for each; - reads standard input.", show_default=False
    ),
]
PlotOpt = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="PLOT.png", help="Plot to write; - writes to standard output.", show_default=False
    ),
]
CoordinatesOpt = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="Also write the points, with labels and names.")
]
ImagesOpt = Annotated[
    str | None, typer.Option(metavar="DATA", help="Draw the images of the codes instead of dots, where there is room.")
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
    """Embed codes in the plane by t-SNE and plot them, colored by class."""
    from aecli.codes import load_codes
    from aecli.data import resolve
    from aecli.errors import UsageError
    from aecli.storage.paths import is_stream, require_file, require_output

    inputs = [require_file(path, "code file") for path in codes]
    images_ref = resolve(images) if images else None
    inputs += images_ref.paths if images_ref else ()
    output = require_output(output, inputs=inputs, suffixes=[".png"])
    if coordinates:
        coordinates = require_output(coordinates, inputs=inputs, suffixes=[".npz"])
        if is_stream(coordinates) and is_stream(output):
            raise UsageError(
                "plot and coordinates cannot both go to standard output", hint="name a file for one of them"
            )

    from aecli.analyses.tsne.embed import embed, require_embeddable

    loaded = [load_codes(path) for path in codes]
    for path, each in zip(codes, loaded, strict=True):
        perplexity = require_embeddable(each, tsne_options, str(path))
        if tsne_options.perplexity is None and perplexity < DEFAULT_PERPLEXITY:
            console.note(f"note: {path}: using perplexity {perplexity:g}, the largest possible for so few codes")

    from aecli.plots import embedding as plot

    image_set = None
    indices: list[Any] = [None for _ in loaded]
    with console.progress("") as progress:
        if images_ref:
            from aecli.data import load
            from aecli.inference.matching import conversion_of_codes, matching_images

            conversion = conversion_of_codes(loaded[0].meta)
            image_set = load(images_ref, data_options, conversion, skip_damaged=True, progress=progress)
            indices = [matching_images(each, image_set) for each in loaded]
        embeddings = [embed(each, tsne_options, progress) for each in loaded]
    if image_set is not None:
        console.report_images(image_set)
    pixels = None if image_set is None else image_set.images
    panels = [
        plot.panel(title, embedding, pixels, image_indices)
        for title, embedding, image_indices in zip(
            plot.panel_titles(embeddings, codes), embeddings, indices, strict=True
        )
    ]
    plot.draw(panels, output)
    method, settings = embeddings[0].method, embeddings[0].settings
    if coordinates:
        from aecli.codes.coordinates import save_coordinates

        save_coordinates([embedding.to_points() for embedding in embeddings], method, settings, coordinates)

    documents = [
        {"codes": str(path)} | embedding.to_dict() | embedding.seconds_to_dict()
        for path, embedding in zip(codes, embeddings, strict=True)
    ]
    console.saved(
        output,
        "\n  ".join(printable(f"{panel.title}: {panel.note}") for panel in panels),
        {"coordinates": str(coordinates) if coordinates else None} | {"layouts": documents, "protocol": settings},
    )
