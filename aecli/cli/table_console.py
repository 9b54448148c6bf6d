"""The console of commands that print tables, whole ones and rows that arrive one after the other."""

import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from aecli.cli.colors import styled
from aecli.cli.console import PANEL, Console, json_line, print_json, print_lines
from aecli.cli.tables import (
    GAP,
    TEXT_FORMATS,
    Column,
    Row,
    are_numbers,
    cell_width,
    for_people,
    for_programs,
    padded,
)
from aecli.errors import UsageError, unknown
from aecli.runtime.options import option
from aecli.storage.paths import is_stream

FORMATS = ("table", *TEXT_FORMATS, "json")


@dataclass(frozen=True)
class TableConsole(Console):
    """A console whose results are tables."""

    format: str | None = option(
        None,
        "Format of the table: table is for people, the others have plain numbers; --json is short for json. Default: "
        "table on a terminal, otherwise tsv.",
        "--format",
        metavar="|".join(FORMATS),
        panel=PANEL,
    )
    no_header: bool = option(False, "Print tables without the line of headings.", "--no-header", panel=PANEL)

    def __post_init__(self) -> None:
        """Check the format, and let `--format json` be `--json`.

        Raises:
            UsageError: the format is unknown, or is not the one of another option.
        """
        if self.format is not None and self.format not in FORMATS:
            raise UsageError(unknown("format", self.format, FORMATS))
        if self.json and self.format not in (None, "json"):
            raise UsageError(f"--json cannot be combined with --format {self.format}", hint="leave out one of them")
        if self.format == "json":
            object.__setattr__(self, "json", True)
        if self.json and self.no_header:
            raise UsageError("JSON has no line of headings", hint="leave out --no-header")

    @property
    def table_format(self) -> str:
        """The format of tables: `table`, `tsv`, `csv` or `json`."""
        return "json" if self.json else self.format or ("table" if sys.stdout.isatty() else "tsv")

    def table(
        self, columns: Sequence[Column], rows: Sequence[Row], document: Mapping[str, Any], beside: Path | None = None
    ) -> None:
        """Print a table, or the one JSON `document` of the same values.

        If the command has written a file to standard output, `beside`, the document goes to standard error.
        """
        style = self.table_format
        if beside is not None and is_stream(beside):
            if style == "json":
                print(json_line(document), end="", file=sys.stderr)
            return
        if style == "json":
            print_json(document)
        elif style == "table":
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            print(
                *(line + "\n" for line in for_people(columns, rows, width, heading=not self.no_header)), sep="", end=""
            )
        else:
            heading = [] if self.no_header else [tuple(name for column in columns for name in column.names)]
            print(TEXT_FORMATS[style]([*heading, *for_programs(columns, rows)]), end="")

    def lines(self, columns: Sequence[Column], alarming: Collection[str] = ()) -> "Lines":
        """Return a printer of rows that arrive one after the other; cells that are `alarming` are red."""
        return Lines(columns, self.table_format, has_heading=not self.no_header, alarming=alarming)


class Lines:
    """A printer of the rows of a table as they arrive."""

    def __init__(self, columns: Sequence[Column], style: str, *, has_heading: bool, alarming: Collection[str] = ()):
        self._columns = columns
        self._style = style
        self._has_heading = has_heading
        self._alarming = alarming
        self._widths: list[int] = []
        self._numeric: list[bool] = []
        self._is_folded = False
        """Whether the first cell of a row has a line of its own, because a row is wider than the terminal."""

    def show(self, rows: Sequence[Row], documents: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Print rows at once: those without an `error` as a table, or all `documents`, by default the rows, as JSON."""
        if self._style == "json":
            print_lines(map(json_line, rows if documents is None else documents))
        elif shown := [row for row in rows if "error" not in row]:
            if self._style == "table":
                print_lines(self._aligned(shown))
            else:
                text = self._heading() + TEXT_FORMATS[self._style](for_programs(self._columns, shown))
                print_lines(StringIO(text))

    def finish(self) -> None:
        """Print the headings of a table without rows, if it is for programs."""
        if self._style in TEXT_FORMATS:
            print_lines([self._heading()])

    def _heading(self) -> str:
        """Return the line of headings, once."""
        if not self._has_heading:
            return ""
        self._has_heading = False
        return TEXT_FORMATS[self._style]([[name for column in self._columns for name in column.names]])

    def _aligned(self, rows: Sequence[Row]) -> Iterator[str]:
        values = [column.values(rows) for column in self._columns]
        cells = [column.cells(each) for column, each in zip(self._columns, values, strict=True)]
        lines = [*zip(*cells, strict=True)]
        if not self._widths:  # the first rows set the widths; longer cells later on are not cut off
            self._numeric = [*map(are_numbers, values)]
            titles = [column.title for column in self._columns]
            self._widths = [max(map(cell_width, [title, *each])) for title, each in zip(titles, cells, strict=True)]
            width = sum(self._widths) + len(GAP) * (len(titles) - 1)
            self._is_folded = sys.stdout.isatty() and width > shutil.get_terminal_size().columns
            lines = [*([tuple(titles)] if self._has_heading else []), *lines]
        for line in lines:
            columns = zip(line, self._widths, self._numeric, strict=True)
            texts = [self._styled(cell, padded(cell, width, to_right=is_number)) for cell, width, is_number in columns]
            first = f"{texts.pop(0).rstrip()}\n{GAP}" if self._is_folded else ""
            yield f"{first}{GAP.join(texts).rstrip()}\n"

    def _styled(self, cell: str, text: str) -> str:
        """Return a padded cell, in red if it is alarming."""
        return text.replace(cell, styled(cell, "error", sys.stdout)) if cell in self._alarming else text
