"""The page of a search: each query, and the images whose codes are nearest."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.search import SearchResult
from aecli.pages.blocks import facts
from aecli.pages.document import Document, asset, text
from aecli.pages.search.cells import Cell, row
from aecli.runtime.counting import counted
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import short_fingerprint

Images = Mapping[int, NDArray[np.uint8]]


def write_page(
    result: SearchResult, queries: Images, found: Images, missing: str | None, shown: int, path: Path
) -> None:
    """Write a page of the first `shown` queries.

    Args:
        result: What was found.
        queries: The images of queries by their index, (C, H, W).
        found: The images of codes by their index.
        missing: Why there are no images of the codes.
        shown: The number of queries on the page.
        path: The file to write.

    Raises:
        UnavailableError: the file cannot be written.
    """
    title = f"Nearest images of {counted(len(result), 'query', 'queries')}"
    content = Document(title, styles=[asset(__package__, "style.css")]).page(
        _body(title, result, queries, found, missing, shown)
    )
    with atomic_write(path) as file:
        file.write(content)


def notice(missing: str | None) -> Iterator[str]:
    """Yield a paragraph that says why there are no images."""
    if missing:
        yield f'<p class="notice">The images are not shown: {text(missing)}.</p>'


def about(values: Mapping[str, str]) -> str:
    """Return what the page shows, and the version that made it."""
    return facts({**values, "Made by": f"aecli {version('aecli')}"})


def _body(
    title: str, result: SearchResult, queries: Images, found: Images, missing: str | None, shown: int
) -> Iterator[str]:
    meta = result.codes.meta
    yield f"<h1>{title}</h1>"
    yield about(
        {
            "Searched": f"{counted(len(result.codes), 'code')} of {meta.data}",
            "Distance": f"{result.options.metric}, {result.neighbors.method_text}",
            "Model": short_fingerprint(meta.model_fingerprint),
        }
    )
    yield from notice(missing)
    if shown < len(result):
        yield f"<p>These are the first {shown} of {len(result):,} queries.</p>"
    for query in range(shown):
        name = str(result.query_names[query])
        yield f"<section><h2>{text(name)}</h2>"
        yield from row(_cells(result, query, queries, found))
        yield "</section>"


def _cells(result: SearchResult, query: int, queries: Images, found: Images) -> Iterator[Cell]:
    yield Cell(queries.get(query), "query", is_query=True)
    for rank, (index, distance) in enumerate(result.found(query), 1):
        label = result.label_of(index)
        notes = (f"{rank}: distance {distance:.4g}", *([label] if label is not None else []))
        yield Cell(found.get(index), str(result.codes.names[index]), notes)
