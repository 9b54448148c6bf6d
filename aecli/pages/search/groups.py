"""The page of duplicates: each group of images."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.duplicates.find import DuplicatesResult, Group
from aecli.pages.document import Document, asset
from aecli.pages.search.cells import Cell, row
from aecli.pages.search.page import about, notice
from aecli.runtime.counting import counted
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import short_fingerprint

Images = Mapping[int, NDArray[np.uint8]]


def write_page(
    result: DuplicatesResult,
    files: Sequence[str],
    images: Sequence[Images],
    missing: str | None,
    groups: Sequence[Group],
    longest: int,
    path: Path,
) -> None:
    """Write a page of groups.

    Args:
        result: All that was found.
        files: How each set of codes is called.
        images: The images of each set by the index of their code, (C, H, W).
        missing: Why there are no images.
        groups: The groups on the page.
        longest: The most members of a group to show.
        path: The file to write.

    Raises:
        UnavailableError: the file cannot be written.
    """
    what = "Duplicates" if len(files) == 1 else "Images in both sets"
    content = Document(what, styles=[asset(__package__, "style.css")]).page(
        _body(what, result, files, images, missing, groups, longest)
    )
    with atomic_write(path) as file:
        file.write(content)


def _body(
    what: str,
    result: DuplicatesResult,
    files: Sequence[str],
    images: Sequence[Images],
    missing: str | None,
    groups: Sequence[Group],
    longest: int,
) -> Iterator[str]:
    yield f"<h1>{what}</h1>"
    sets = (
        f"{counted(len(codes), 'code')} of {codes.meta.data} ({file})"
        for file, codes in zip(files, result.sets, strict=True)
    )
    found = (
        counted(len(result.groups), "group"),
        f"{result.members('exact'):,} exact",
        f"{result.members('near'):,} near",
    )
    yield about(
        {
            "Compared": " and ".join(sets),
            "Found": ", ".join(found),
            "Threshold": f"{result.threshold.value:.3g}, {result.threshold.reason}",
            "Distance": f"{result.options.metric}, relative to that of the tenth nearest codes",
            "Model": short_fingerprint(result.sets[0].meta.model_fingerprint),
        }
    )
    yield from notice(missing)
    if not groups:
        yield "<p>No image is a copy or a near-duplicate of another one.</p>"
    if len(groups) < len(result.groups):
        yield f"<p>These are the first {len(groups)} of {len(result.groups):,} groups.</p>"
    for number, group in enumerate(groups, 1):
        kind = "exact copies" if group.kind == "exact" else "near-duplicates"
        yield f"<section><h2>{number}: {counted(len(group.members), 'image')}, {kind}</h2>"
        yield from row(_cells(result, group, files, images, longest))
        if len(group.members) > longest:
            yield f"<p>And {len(group.members) - longest:,} more.</p>"
        yield "</section>"


def _cells(
    result: DuplicatesResult, group: Group, files: Sequence[str], images: Sequence[Images], longest: int
) -> Iterator[Cell]:
    for member in group.members[:longest]:
        notes = ["exact" if not member.distance else f"distance {member.distance:.3g}"]
        if (label := result.label_of(member)) is not None:
            notes.append(label)
        if len(files) == 2:
            notes.append(files[member.set_index])
        is_second = len(files) == 2 and member.set_index == 1
        yield Cell(images[member.set_index].get(member.index), result.name_of(member), tuple(notes), is_second)
