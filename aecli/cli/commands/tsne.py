"""`aecli tsne`."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.analyses.embedding_methods import (
    DEFAULT,
    METHODS,
    EmbeddingMethod,
    EmbeddingOptions,
    find_method,
    method_of_file,
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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aecli.analyses.embedding import Embedding
    from aecli.codes import Codes
    from aecli.codes.coordinates import PlaneMap
    from aecli.data import DataRef, ImageSet
    from aecli.detection.score_file import ScoreFile
    from aecli.plots.embedding import Panel
    from aecli.runtime.progress import Progress

    Job = Callable[[Progress], Embedding]

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
    from aecli.codes import load_codes
    from aecli.codes.coordinates import load_coordinates, save_coordinates
    from aecli.data import resolve
    from aecli.storage.paths import is_stream, require_file, require_output

    inputs = [require_codes(path) for path in codes]
    inputs += [require_file(onto, "coordinates file")] if onto else []
    inputs += [require_file(scores, "file of scores")] if scores else []
    if sum(map(is_stream, inputs)) > 1:
        raise UsageError("only one file can be standard input", hint="name files for the others")
    images_ref = resolve(images) if images else None
    inputs += images_ref.paths if images_ref else ()
    output = _require_output(output, dpi, scores, inputs)
    if coordinates:
        coordinates = require_output(coordinates, inputs=inputs, suffixes=[".npz"])
        if is_stream(coordinates) and is_stream(output):
            raise UsageError(
                "plot and coordinates cannot both go to standard output", hint="name a file for one of them"
            )
    given = _given(context)
    if onto:
        refuse_options_of_embeddings(given)
        plane_map = load_coordinates(onto)
        chosen = _method_of_map(method, plane_map)
        loaded = [load_codes(path) for path in codes]
        jobs = _placements(loaded, codes, plane_map, onto, chosen, options)
    else:
        chosen = find_method(method or DEFAULT)
        refuse_options_of_others(chosen, given)
        loaded = [load_codes(path) for path in codes]
        jobs = _embeddings(loaded, codes, chosen, options, console)
    score_file = _score_file(scores)

    from aecli.plots import embedding as plot

    with console.progress("") as progress:
        image_set, indices = _images(images_ref, loaded, data_options, progress)
        embeddings = [job(progress) for job in jobs]
    if image_set is not None:
        console.report_images(image_set)
    pixels = None if image_set is None else image_set.images
    titles = plot.panel_titles(embeddings, codes)
    panels = [
        plot.panel(title, embedding, pixels, image_indices)
        for title, embedding, image_indices in zip(titles, embeddings, indices, strict=True)
    ]
    if is_page(output):
        _write_page(panels, embeddings, output, score_file, console)
    else:
        plot.draw(panels, output, dpi)
    if coordinates:
        points = [embedding.to_points() for embedding in embeddings]
        save_coordinates(points, embeddings[0].method, embeddings[0].settings, coordinates)
    lines = [f"{title}: {each.heading}, {each.measures}" for title, each in zip(titles, embeddings, strict=True)]
    document = {
        "coordinates": str(coordinates) if coordinates else None,
        "onto": str(onto) if onto else None,
        "method": embeddings[0].method,
        "layouts": [
            {"codes": str(path)} | embedding.to_dict() | embedding.seconds_to_dict()
            for path, embedding in zip(codes, embeddings, strict=True)
        ],
        "protocol": embeddings[0].settings,
    }
    console.saved(output, "\n  ".join(map(printable, lines)), document)


def _require_output(output: Path, dpi: int | None, scores: Path | None, inputs: Sequence[Path]) -> Path:
    """Check the plot or page before the work starts; return the file to write."""
    if scores and not is_page(output):
        raise UsageError("--scores applies to a page only", hint="name a page: -o map.html")
    return require_plot(output, dpi, inputs=inputs, other_suffixes=PAGE_SUFFIXES)


def _write_page(
    panels: "Sequence[Panel]",
    embeddings: "Sequence[Embedding]",
    output: Path,
    scores: "ScoreFile | None",
    console: Console,
) -> None:
    from aecli.pages.explorer import write_explorer

    with console.progress("") as progress:
        write_explorer(panels, embeddings, output, scores, progress)


def _score_file(path: Path | None) -> "ScoreFile | None":
    if path is None:
        return None
    from aecli.detection.score_file import read_scores

    return read_scores(path)


def _embeddings(
    codes: Sequence["Codes"],
    paths: Sequence[Path],
    method: EmbeddingMethod,
    options: EmbeddingOptions,
    console: Console,
) -> "list[Job]":
    """Check the codes of all files, and return a function for each that embeds them."""
    own = options.of(method)
    for each, path in zip(codes, paths, strict=True):
        console.report_notes(method.module.require_embeddable(each, own, str(path)))
    return [partial(method.module.embed, each, own) for each in codes]


def _placements(
    codes: Sequence["Codes"],
    paths: Sequence[Path],
    plane_map: "PlaneMap",
    map_path: Path,
    method: EmbeddingMethod,
    options: EmbeddingOptions,
) -> "list[Job]":
    """Check the codes of all files, and return a function for each that places them onto the map."""
    from aecli.analyses.placement import find_layout, place

    layouts = [find_layout(plane_map, each, str(path), map_path) for each, path in zip(codes, paths, strict=True)]
    return [
        partial(place, each, layout, plane_map, method, options, map_path)
        for each, layout in zip(codes, layouts, strict=True)
    ]


def _images(
    ref: "DataRef | None", codes: Sequence["Codes"], options: DataOptions, progress: "Progress"
) -> "tuple[ImageSet | None, list[NDArray[np.int64] | None]]":
    """Return the images to draw, and for each code file the index of each code's image; None without images."""
    if ref is None:
        return None, [None for _ in codes]
    from aecli.data import load
    from aecli.inference.matching import conversion_of_codes, matching_images

    images = load(ref, options, conversion_of_codes(codes[0].meta), skip_damaged=True, progress=progress)
    return images, [matching_images(each, images) for each in codes]


def _given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that the user typed, whether or not the values are the defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _method_of_map(name: str | None, plane_map: "PlaneMap") -> EmbeddingMethod:
    """Return the method of a map, which must be the one that was named, if any was."""
    method = method_of_file(plane_map.method)
    if name is not None and find_method(name) is not method:
        raise UsageError(f"--method {name} cannot place codes onto a map by {plane_map.method}", hint="leave it out")
    return method
