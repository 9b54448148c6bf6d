"""`aecli duplicates`."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.analyses.duplicates.options import DuplicateOptions
from aecli.cli.code_files import require_codes
from aecli.cli.command import examples
from aecli.cli.console import printable
from aecli.cli.plot_options import DpiOpt, FoundOutputOpt
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column, Row
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.analyses.duplicates.find import DuplicatesResult

EXAMPLES = examples(
    "aecli duplicates codes.npz -o groups.html",
    "aecli duplicates train.npz test.npz --fail-on-duplicates",
    "aecli duplicates codes.npz --list --null | xargs -0 rm",
)
CodesArg = Annotated[
    list[Path],
    typer.Argument(
        metavar="CODES.npz [OTHER.npz]",
        help="Code file; with a second one, only what both have in common is found, such as test images among the "
        "training images; - reads standard input.",
        show_default=False,
    ),
]
ListOpt = Annotated[
    bool,
    typer.Option(
        "--list",
        help="Print one path per line, of all images of each group but the first; of two files, of those in the second "
        "one. Images that are not files in a folder are listed by name.",
    ),
]
NullOpt = Annotated[
    bool, typer.Option("--null", "-0", help="With --list: null characters instead of newlines, for xargs -0.")
]
FailOpt = Annotated[
    bool, typer.Option("--fail-on-duplicates", help="Exit with status 10 if at least one group is found.")
]
ImagesOpt = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DATA",
        help="Images of the codes, for -o, once for each code file; default: those that the files name, if they are "
        "there.",
    ),
]


def duplicates(
    codes: CodesArg,
    options: DuplicateOptions,
    data_options: DataOptions,
    console: TableConsole,
    output: FoundOutputOpt = None,
    images: ImagesOpt = None,
    list_paths: ListOpt = False,
    null: NullOpt = False,
    fail_on_duplicates: FailOpt = False,
    dpi: DpiOpt = None,
) -> None:
    """Find copies and near-duplicates among images, or those that two sets have in common, by their codes."""
    from aecli.codes import load_codes
    from aecli.plots.formats import PAGE_SUFFIXES, require_plot

    _check(
        codes,
        images,
        output,
        list_paths=list_paths,
        null=null,
        as_table=console.json or console.format is not None or console.no_header,
    )
    for path in codes:
        require_codes(path)
    output = require_plot(output, dpi, inputs=codes, other_suffixes=PAGE_SUFFIXES)
    if options.method == "approximate":
        from aecli.analyses.search.approximate import require_index

        require_index()

    from aecli.analyses.duplicates.find import find_duplicates

    sets = [load_codes(path) for path in codes]
    with console.progress("codes") as progress:
        result = find_duplicates(sets[0], sets[1] if len(sets) > 1 else None, options, progress)
    if result.warning:
        console.warn(result.warning)
    console.report_notes(result.notes)
    if output:
        from aecli.workflows.duplicate_files import write_groups

        with console.progress() as progress:
            written = write_groups(result, [str(path) for path in codes], images, output, data_options, dpi, progress)
        if written.missing:
            console.note(f"note: the page has no images: {written.missing}")
        total = counted(len(result.groups), "group")
        console.note(
            f"wrote {output}: "
            + (total if written.groups == len(result.groups) else f"the first {written.groups} of {total}")
        )
    if list_paths:
        _list(result, null=null)
    else:
        document = {"files": [str(path) for path in codes]} | result.to_dict()
        names = ("group", "kind", *(["file"] if len(sets) == 2 else []), "name", "label", "distance")
        console.table([*map(Column, names)], [*_rows(result, codes)], document, output)
    console.note(_summary(result))
    if fail_on_duplicates and result.groups:
        raise typer.Exit(ExitStatus.ANOMALY)


def _check(
    codes: Sequence[Path],
    images: Sequence[str] | None,
    output: Path | None,
    *,
    list_paths: bool,
    null: bool,
    as_table: bool,
) -> None:
    """Check that the arguments fit together.

    Raises:
        UsageError: they do not.
    """
    if len(codes) > 2:
        raise UsageError(f"{len(codes)} code files, but at most two are compared", hint="join the sets and encode them")
    if len(codes) == 2 and codes[0] == codes[1] == Path("-"):
        raise UsageError("only one of the code files can be standard input", hint="name a file for the other")
    if images and output is None:
        raise UsageError("--images applies to a grid or a page", hint="add -o groups.html")
    if images and len(images) != len(codes):
        raise UsageError(
            f"{counted(len(images), 'set')} of images for {counted(len(codes), 'code file')}",
            hint="give --images once for each code file",
        )
    if list_paths and output == Path("-"):
        raise UsageError("--list and -o - both write to standard output", hint="name a file with -o")
    if null and not list_paths:
        raise UsageError("--null applies to --list only", hint="add --list")
    if list_paths and as_table:
        raise UsageError(
            "--list prints paths, not a table", hint="leave out --list, or --json, --format and --no-header"
        )


def _list(result: "DuplicatesResult", *, null: bool) -> None:
    """Print what is to be removed so that one image of each group remains."""
    from aecli.workflows.image_paths import path_finder

    finders = [path_finder(each) for each in result.sets]
    for group in result.groups:
        for member in group.surplus:
            path = finders[member.set_index](result.name_of(member))
            if null:
                sys.stdout.buffer.write(os.fsencode(path) + b"\0")
            else:
                print(printable(path))
    sys.stdout.flush()


def _rows(result: "DuplicatesResult", files: Sequence[Path]) -> Iterator[Row]:
    for number, group in enumerate(result.groups, 1):
        for member in group.members:
            yield {
                "group": number,
                "kind": group.kind,
                "file": str(files[member.set_index]),
                "name": result.name_of(member),
                "label": result.label_of(member),
                "distance": member.distance,
            }


def _summary(result: "DuplicatesResult") -> str:
    threshold, total = result.threshold, sum(map(len, result.sets))
    parts = [counted(len(result.groups), "group")]
    parts += [f"{counted(result.members('exact'), 'exact copy', 'exact copies')}"]
    parts += [f"{counted(result.members('near'), 'near-duplicate')} among {counted(total, 'code')}"]
    recall = "" if result.recall == 1 else f"; recall of neighbors {result.recall:.4f}"
    return f"{', '.join(parts)}; threshold {threshold.value:.3g}: {threshold.reason}{recall}"
