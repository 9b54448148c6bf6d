"""Draw groups of duplicates: a grid of images, or a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aecli.analyses.duplicates.find import DuplicatesResult
from aecli.data import DataOptions
from aecli.errors import InputError
from aecli.plots.formats import is_page
from aecli.runtime.progress import Progress, silent
from aecli.workflows.code_images import CodeImages, code_images
from aecli.workflows.search_files import GRID_COLUMNS, GRID_ROWS

PAGE_GROUPS, PAGE_MEMBERS = 200, 50
"""The most groups, and members of a group, on a page."""


@dataclass(frozen=True)
class WrittenGroups:
    """What was drawn."""

    groups: int
    """The number of groups, of those that were found the first ones."""
    missing: str | None
    """Why images are not shown, if they are not."""


def write_groups(
    result: DuplicatesResult,
    files: Sequence[str],
    images: Sequence[str] | None,
    output: Path,
    options: DataOptions,
    dpi: int | None = None,
    progress: Progress = silent,
) -> WrittenGroups:
    """Draw the first groups.

    Args:
        result: The groups.
        files: How each set of codes is called.
        images: The DATA word of the images of each set; None for those that the code files name.
        output: A page if it ends in .html or .htm, or else a grid.
        options: How images are read.
        dpi: The resolution of a grid.
        progress: Called while images are read.

    Raises:
        InputError: there are no groups or no images for a grid, or they are not those of the codes.
        UnavailableError: the data set is not available, or the file cannot be written.
    """
    as_page = is_page(output)
    most, longest = (PAGE_GROUPS, PAGE_MEMBERS) if as_page else (GRID_ROWS, GRID_COLUMNS)
    groups = result.groups[:most]
    found: list[CodeImages] = []
    for number, codes in enumerate(result.sets):
        indices = [each.index for group in groups for each in group.members[:longest] if each.set_index == number]
        found.append(code_images(codes, indices, images[number] if images else None, options, progress))
    missing = next((each.missing for each in found if each.missing), None) if groups else None
    if as_page:
        from aecli.pages.search.groups import write_page

        write_page(result, files, [each.pixels for each in found], missing, groups, longest, output)
    else:
        if not groups:
            raise InputError("there are no duplicates to draw", hint="leave out -o, or choose a larger --threshold")
        if missing:
            raise InputError(
                f"the images of the codes are not available: {missing}",
                hint="name them with --images DATA; a page, -o groups.html, does without",
            )
        _draw_grid(result, found, len(groups), longest, output, dpi)
    return WrittenGroups(len(groups), missing)


def _draw_grid(
    result: DuplicatesResult, found: Sequence[CodeImages], groups: int, longest: int, output: Path, dpi: int | None
) -> None:
    from aecli.plots.image_rows import Cell, draw

    rows = []
    for group in result.groups[:groups]:
        rows.append(
            [
                Cell(
                    found[member.set_index].pixels.get(member.index),
                    result.name_of(member),
                    "exact" if not member.distance else f"{member.distance:.3g}",
                    is_query=len(result.sets) == 2 and member.set_index == 1,
                )
                for member in group.members[:longest]
            ]
        )
    draw(rows, output, dpi)
