"""`aecli doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.data.options import DATA_ROOT_HELP, DataOptions
from aecli.errors import ExitStatus

EXAMPLES = examples("aecli doctor", "aecli doctor --imports", "aecli doctor --json")
ISSUES = "https://github.com/aecli/aecli/issues"
DataRootOpt = Annotated[Path | None, typer.Option(metavar="DIR", help=DATA_ROOT_HELP)]
ImportsOpt = Annotated[
    bool,
    typer.Option(
        "--imports",
        help="Import every package to find broken ones, which takes a minute or more. Default: only small ones.",
    ),
]


def doctor(console: Console, data_root: DataRootOpt = None, imports: ImportsOpt = False) -> None:
    """Examine this installation and machine: versions, extras, threads, devices, data sets, cache."""
    from aecli.reports.doctor import examine

    with console.status("examining packages"):
        found = examine(DataOptions(data_root=data_root), import_all=imports)
    console.result(found.as_text(), found.to_dict())
    for problem, fix in found.problems:
        console.warn(f"{problem}: {fix}")
    checked = "all packages" if imports else "small packages; all: --imports"
    console.note(f"examined in {found.seconds:.1f} s ({checked}); to report a problem, paste this into {ISSUES}")
    if not found.can_work:
        raise typer.Exit(ExitStatus.UNAVAILABLE)
