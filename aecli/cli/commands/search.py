"""`aecli search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.analyses.search.options import SearchOptions
from aecli.cli.code_files import require_codes
from aecli.cli.command import examples
from aecli.cli.options import DeviceOpt
from aecli.cli.plot_options import DpiOpt, FoundOutputOpt
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column, decimals_of
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.analyses.search.search import SearchResult
    from aecli.workflows.code_queries import Queries

EXAMPLES = examples(
    "aecli search image.png --in codes.npz --model run",
    "aecli search photos/new/ --in codes.npz --model run -k 5 -o found.html",
    "aecli search codes.npz --in codes.npz --json > neighbors.jsonl",
)
QUERIES_AT_ONCE = 1000
"""Queries whose lines are printed at once."""
QueryArg = Annotated[
    list[str],
    typer.Argument(
        metavar="QUERY...",
        help="Images to search for: image files, folders or DATA words; or code files of the same model; - reads one "
        "image from standard input.",
        show_default=False,
    ),
]
InOpt = Annotated[Path, typer.Option("--in", metavar="CODES.npz", help="Code file to search in.", show_default=False)]
SearchModelOpt = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="The model that made the codes, to encode images: its run folder, model.safetensors or model.onnx.",
        show_default=False,
    ),
]
ImagesOpt = Annotated[
    str | None,
    typer.Option(
        metavar="DATA", help="Images of the codes, for -o; default: those that the code file names, if they are there."
    ),
]


def search(
    query: QueryArg,
    codes: InOpt,
    options: SearchOptions,
    data_options: DataOptions,
    console: TableConsole,
    model: SearchModelOpt = None,
    output: FoundOutputOpt = None,
    images: ImagesOpt = None,
    dpi: DpiOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Find the images whose codes are nearest to those of other images, nearest first."""
    from aecli.checkpoint import resolve_model
    from aecli.codes import load_codes
    from aecli.plots.formats import PAGE_SUFFIXES, require_plot
    from aecli.storage.paths import is_stream

    require_codes(codes)
    checkpoint = resolve_model(model) if model else None
    inputs = [codes, *(Path(word) for word in query)]
    output = require_plot(output, dpi, inputs=inputs, other_suffixes=PAGE_SUFFIXES)
    if images and not output:
        raise UsageError("--images applies to a grid or a page", hint="add -o found.png")
    if options.method == "approximate":
        from aecli.analyses.search.approximate import require_index

        require_index()

    from aecli import inference
    from aecli.analyses.search import search as analysis
    from aecli.workflows.code_queries import read_queries

    loaded = load_codes(codes)
    encoder = inference.load(checkpoint, device=device) if checkpoint else None
    with console.progress() as progress:
        queries = read_queries(
            query, loaded, encoder, data_options, lambda note: console.note(f"note: {note}"), progress
        )
        result = analysis.search(loaded, queries.codes, options, progress)
    console.report_notes(encoder.notes if encoder else (), queries.failures)
    if result.neighbors.note:
        console.note(f"note: {result.neighbors.note}")
    if output:
        _draw(result, queries, images, data_options, output, dpi, console)
    if output is None or not is_stream(output):
        _print(result, queries, console)
    if queries.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _draw(
    result: "SearchResult",
    queries: "Queries",
    images: str | None,
    data_options: DataOptions,
    output: Path,
    dpi: int | None,
    console: TableConsole,
) -> None:
    from aecli.workflows.search_files import write_queries

    with console.progress() as progress:
        written = write_queries(result, queries, images, output, data_options, dpi, progress)
    if written.missing:
        console.note(f"note: the page has no images of the codes: {written.missing}")
    console.note(f"wrote {output}: {_of(written.queries, len(result))}")


def _of(shown: int, total: int) -> str:
    return counted(total, "query", "queries") if shown == total else f"the first {shown} of {total:,} queries"


def _print(result: "SearchResult", queries: "Queries", console: TableConsole) -> None:
    decimals = decimals_of(result.neighbors.distances.ravel().tolist())
    columns = [Column("query"), Column("rank"), Column("name"), Column("label"), Column("distance", format=decimals)]
    lines = console.lines(columns)
    for start in range(0, len(result), QUERIES_AT_ONCE):
        documents = [*map(result.to_dict, range(start, min(start + QUERIES_AT_ONCE, len(result))))]
        lines.show([row for document in documents for row in _rows(document)], documents)
    lines.show([], [{"query": failure.name, "error": failure.reason} for failure in queries.failures])
    lines.finish()
    console.summary(
        f"{counted(len(result), 'query', 'queries')} in {counted(len(result.codes), 'code')}, "
        f"{result.options.metric}, {result.neighbors.method_text}, {result.seconds:.2g} s",
        result.summary_to_dict() | {"failed": len(queries.failures)},
    )


def _rows(document: dict[str, Any]) -> "Iterator[dict[str, Any]]":
    for rank, found in enumerate(document["neighbors"], 1):
        yield {"query": document["query"], "rank": rank, **found}
