"""Draw what a search found: a grid of images, or a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.search import SearchResult
from aecli.data import DataOptions
from aecli.errors import InputError
from aecli.plots.formats import is_page
from aecli.runtime.progress import Progress, silent
from aecli.workflows.code_images import CodeImages, code_images
from aecli.workflows.code_queries import KEPT_IMAGES, Queries

GRID_ROWS, GRID_COLUMNS = 20, 20
"""The most queries, and neighbors of a query, in a grid: more cannot be seen."""


@dataclass(frozen=True)
class WrittenQueries:
    """What was drawn."""

    queries: int
    """The number of queries, of those that were made the first ones."""
    missing: str | None
    """Why the images of the codes are not shown, if they are not."""


def write_queries(
    result: SearchResult,
    queries: Queries,
    images: str | None,
    output: Path,
    options: DataOptions,
    dpi: int | None = None,
    progress: Progress = silent,
) -> WrittenQueries:
    """Draw the first queries and what was found for them.

    Args:
        result: What was found.
        queries: The queries.
        images: The DATA word of the images of the codes; None for the one that the code file names.
        output: A page if it ends in .html or .htm, or else a grid.
        options: How images are read.
        dpi: The resolution of a grid.
        progress: Called while images are read.

    Raises:
        InputError: there are no images for a grid, or they are not those of the codes.
        UnavailableError: the data set is not available, or the file cannot be written.
    """
    as_page = is_page(output)
    shown = min(len(result), KEPT_IMAGES if as_page else GRID_ROWS)
    found = code_images(result.codes, result.neighbors.indices[:shown].ravel().tolist(), images, options, progress)
    asked = _query_images(queries, shown, options, progress)
    if as_page:
        from aecli.pages.search.page import write_page

        write_page(result, asked, found.pixels, found.missing, shown, output)
    else:
        if found.missing:
            raise InputError(
                f"the images of the codes are not available: {found.missing}",
                hint="name them with --images DATA; a page, -o found.html, does without",
            )
        _draw_grid(result, asked, found, shown, output, dpi)
    return WrittenQueries(shown, found.missing)


def _query_images(
    queries: Queries, shown: int, options: DataOptions, progress: Progress
) -> Mapping[int, NDArray[np.uint8]]:
    """Return the images of the first queries; those of a code file are read if they are where it says."""
    if queries.images or not queries.codes.meta.data_fingerprint:
        return queries.images
    return code_images(queries.codes, range(shown), None, options, progress).pixels


def _draw_grid(
    result: SearchResult,
    asked: Mapping[int, NDArray[np.uint8]],
    found: CodeImages,
    shown: int,
    output: Path,
    dpi: int | None,
) -> None:
    from aecli.plots.image_rows import Cell, draw

    rows = []
    for query in range(shown):
        row = [Cell(asked.get(query), str(result.query_names[query]), "query", is_query=True)]
        for index, distance in result.found(query)[:GRID_COLUMNS]:
            label = result.label_of(index)
            note = f"{distance:.4g}" if label is None else f"{label}, {distance:.4g}"
            row.append(Cell(found.pixels.get(index), str(result.codes.names[index]), note))
        rows.append(row)
    draw(rows, output, dpi)
