"""`aecli tsne`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.analyses.embedding_methods import (
    DEFAULT,
    METHODS,
    EmbeddingOptions,
    find_method,
    refuse_options_of_embeddings,
    refuse_options_of_others,
)
from aecli.analyses.embedding_options import PANEL
from aecli.cli.code_files import require_codes
from aecli.cli.command import examples
from aecli.cli.console import Console, printable
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.data.options import DataOptions
from aecli.errors import UsageError
from aecli.plots.formats import PAGE_SUFFIXES, is_page, require_plot

EXAMPLES = examples(
    "aecli tsne codes.npz -o codes.png",
    "aecli tsne conv.npz sparse.npz -o both.png --sample all --coordinates both.npz",
    "aecli tsne codes.npz --images photos/ -o map.html --scores verdicts.tsv",
    "aecli tsne train.npz -o train.png --coordinates map.npz",
    "aecli tsne new.npz -o new.png --onto map.npz",
)
CodeFilesArg = Annotated[
    list[Path],
    typer.Argument(
        metavar="CODES.npz...", help="Code files, one panel for each; - reads standard input.", show_default=False
    ),
]
PlotOpt = Annotated[
    Path,
    plot_option(
        "Plot to write, or with the suffix .html a page to explore in a browser, offline: zoom, point at codes to see "
        "their images and the nearest codes, select some and save the list.",
        show_default=False,
    ),
]
MethodOpt = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(METHODS),
        rich_help_panel=PANEL,
        help=f"Method of embedding; umap needs pip install 'aecli[umap]'. Default: {DEFAULT}, or that of the map.",
    ),
]
OntoOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.npz",
        rich_help_panel=PANEL,
        help="Place the codes among the points of an earlier map, which --coordinates wrote; it must be of the same "
        "model. The points of the map are drawn pale.",
    ),
]
CoordinatesOpt = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="Also write the points, with labels and names.")
]
ImagesOpt = Annotated[
    str | None, typer.Option(metavar="DATA", help="Draw the images of the codes instead of dots, where there is room.")
]
ScoresOpt = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Anomaly scores to color a page by: the output of aecli detect."),
]


def tsne(
    codes: CodeFilesArg,
    output: PlotOpt,
    options: EmbeddingOptions,
    data_options: DataOptions,
    console: Console,
    context: typer.Context,
    method: MethodOpt = None,
    onto: OntoOpt = None,
    coordinates: CoordinatesOpt = None,
    images: ImagesOpt = None,
    scores: ScoresOpt = None,
    dpi: DpiOpt = None,
) -> None:
    """Embed codes in the plane by t-SNE, UMAP or PCA, and plot them, colored by class."""
    from aecli.data import resolve
    from aecli.storage.paths import is_stream, require_file, require_output

    inputs = [require_codes(path) for path in codes]
    inputs += [require_file(onto, "coordinates file")] if onto else []
    inputs += [require_file(scores, "file of scores")] if scores else []
    if sum(map(is_stream, inputs)) > 1:
        raise UsageError("only one file can be standard input", hint="name files for the others")
    images_ref = resolve(images) if images else None
    inputs += images_ref.paths if images_ref else ()
    if scores and not is_page(output):
        raise UsageError("--scores applies to a page only", hint="name a page: -o map.html")
    output = require_plot(output, dpi, inputs=inputs, other_suffixes=PAGE_SUFFIXES)
    if coordinates:
        coordinates = require_output(coordinates, inputs=inputs, suffixes=[".npz"])
        if is_stream(coordinates) and is_stream(output):
            raise UsageError(
                "plot and coordinates cannot both go to standard output", hint="name a file for one of them"
            )
    given = _given(context)
    if onto:
        refuse_options_of_embeddings(given)
    else:
        refuse_options_of_others(find_method(method or DEFAULT), given)

    from aecli.detection.score_file import read_scores
    from aecli.workflows.embedding import EmbeddingPlan, embed_files

    score_file = read_scores(scores) if scores else None
    with console.progress("") as progress:
        embedded = embed_files(EmbeddingPlan(codes, method, options, onto, images_ref, data_options), progress)
    console.report_notes(embedded.notes)
    if embedded.images is not None:
        console.report_images(embedded.images)
    with console.progress("") as progress:
        embedded.draw(output, dpi, score_file, progress)
    if coordinates:
        embedded.save_points(coordinates)
    document = {"coordinates": str(coordinates) if coordinates else None, "onto": str(onto) if onto else None}
    console.saved(output, "\n  ".join(map(printable, embedded.lines)), document | embedded.to_dict())


def _given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that the user typed, whether or not the values are the defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
