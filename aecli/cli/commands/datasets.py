"""`aecli datasets`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DATA_ROOT_HELP, DataOptions

EXAMPLES = examples("aecli datasets", "aecli datasets --data-root ~/datasets --json")
COLUMNS = [Column("word"), Column("available"), Column("splits"), Column("summary", "description")]
DataRootOpt = Annotated[Path | None, typer.Option(metavar="DIR", help=DATA_ROOT_HELP)]


def datasets(console: TableConsole, data_root: DataRootOpt = None) -> None:
    """List the DATA words and whether each is available on this machine."""
    from dataclasses import asdict

    from aecli.data import describe

    statuses = describe(DataOptions(data_root=data_root))
    rows = [asdict(status) for status in statuses]
    console.table(COLUMNS, rows, {"datasets": rows})
    for needs in dict.fromkeys(status.needs for status in statuses if status.needs):
        words = ", ".join(status.word for status in statuses if status.needs == needs)
        console.note(f"to get {words}: {needs}")
