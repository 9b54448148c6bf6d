"""Read lists of images row by row: tables in `.csv` and `.tsv` files, and objects in `.jsonl` files."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from aecli.errors import InputError
from aecli.storage.text import open_text

WHAT = "list of images"
TABLE_SUFFIXES = (".csv", ".tsv")
JSON_SUFFIXES = (".jsonl", ".ndjson")
COLUMNS = {
    "path": (
        *("path", "file_path", "filepath", "file_name", "filename", "file"),
        *("image_path", "image_file", "image_name", "image"),
    ),
    "label": ("label", "class", "class_name", "target", "category"),
    "split": ("split",),
}
"""Names of the columns, the preferred ones first. Case does not matter; spaces and `-` are like `_`."""
DELIMITERS = ",;\t|"
MAX_LINE = 2**24
"""Characters in one line; a longer one is not a row of a list."""
MAX_SHOWN = 10
"""Columns that an error or a note lists."""
MAX_SHOWN_LENGTH = 40
"""Characters of a cell in an error or a note."""
DELIMITER_LINE = re.compile(r"sep=([,;\t|])\s*")
"""A first line by which Excel declares the delimiter."""


class Row(NamedTuple):
    """One image of a list; a cell that is missing or has no value is empty."""

    line: int
    """The line in the file, counted from 1."""
    path: str
    label: str
    split: str


class Table:
    """The rows of a list, and the columns that were ignored."""

    def __init__(self, path: Path):
        self.path = path
        self.ignored: dict[str, None] = {}
        """The names of the ignored columns that `rows` has seen so far, in the order of the file."""

    def rows(self) -> Iterator[Row]:
        """Read the rows one after the other; empty ones are skipped.

        Raises:
            InputError: the file is missing, empty or not a text in UTF-8, has no column of paths, or a row is damaged.
        """
        read = self._objects if self.path.suffix.lower() in JSON_SUFFIXES else self._table
        with open_text(self.path, WHAT, newline="") as text:
            yield from read(_Lines(text, self))

    def error(self, line: int, message: str, hint: str | None = None) -> InputError:
        """Return the error to raise for a line of the file."""
        return InputError(f"{self.path}, line {line:,}: {message}", hint=hint)

    def _table(self, lines: "_Lines") -> Iterator[Row]:
        delimiters = "\t,;|" if self.path.suffix.lower() == ".tsv" else DELIMITERS
        header = lines.next_filled()
        if declared := DELIMITER_LINE.fullmatch(header):
            delimiters, header = declared[1], lines.next_filled()
        delimiter, columns = self._header(header, delimiters)
        above = lines.number - 1
        reader = csv.reader(chain([header], lines), delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            width = len(next(reader))
            for cells in reader:
                if not any(cells):
                    continue
                line = above + reader.line_num
                if any(cells[width:]):
                    raise self.error(
                        line,
                        f"the row has {len(cells):,} cells, the header has {width:,}",
                        f'put a cell that contains the delimiter in quotes: "a{delimiter}b"',
                    )
                path, label, split = (
                    cells[column].strip() if column is not None and column < len(cells) else "" for column in columns
                )
                yield Row(line, path, label, split)
        except csv.Error as error:
            raise self.error(
                above + reader.line_num, str(error), 'put a cell that contains a quote in quotes, and double it: "a""b"'
            ) from error

    def _header(self, header: str, delimiters: str) -> tuple[str, list[int | None]]:
        """Return the delimiter, and the index of the column of each role: path, label and split.

        Raises:
            InputError: there is no column of paths.
        """
        try:
            headers = {
                delimiter: next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
                for delimiter in delimiters
            }
        except csv.Error as error:
            raise self.error(1, str(error)) from error
        for delimiter, cells in headers.items():
            roles = _roles(cells)
            if "path" in roles:
                columns = [cells.index(roles[role]) if role in roles else None for role in COLUMNS]
                self._ignore(cell for index, cell in enumerate(cells) if index not in columns)
                return delimiter, columns
        raise self._no_path_column(max(headers.values(), key=len))

    def _objects(self, lines: "_Lines") -> Iterator[Row]:
        memo: dict[tuple[str, ...], dict[str, str]] = {}
        for text in lines:
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise self.error(lines.number, "not JSON", "each line is a JSON object") from error
            if not isinstance(values, dict):
                raise self.error(lines.number, f"a JSON {type(values).__name__}, not an object", EXAMPLE_OBJECT)
            keys = tuple(values)
            if (roles := memo.get(keys)) is None:
                roles = memo[keys] = _roles(keys)
                if "path" not in roles:
                    raise self._no_path_column(keys, lines.number)
                self._ignore(key for key in keys if key not in roles.values())
            yield Row(lines.number, *(self._cell(lines.number, values, roles.get(role)) for role in COLUMNS))

    def _cell(self, line: int, values: dict[str, Any], key: str | None) -> str:
        value = values[key] if key is not None else None
        if isinstance(value, str):
            return value.strip()
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        raise self.error(line, f"'{key}' is neither a text nor a number", EXAMPLE_OBJECT)

    def _ignore(self, columns: Iterator[str]) -> None:
        self.ignored |= dict.fromkeys(column for column in columns if column.strip())

    def _no_path_column(self, cells: Sequence[str], line: int = 1) -> InputError:
        shown = list_columns(cells)
        if line == 1 and any(_names_a_file(self.path.parent, cell) for cell in cells[:MAX_SHOWN]):
            return InputError(
                f"no header in {self.path}, its first line is: {shown}",
                hint="add a first line with the names of the columns, such as path,label",
            )
        if line > 1:
            return self.error(line, f"no path among: {shown}", EXAMPLE_OBJECT)
        return InputError(
            f"no column of paths in {self.path}, its columns are: {shown}", hint="call it path, file_name or image"
        )


EXAMPLE_OBJECT = 'for example {"path": "1.png", "label": "cat"}'


class _Lines:
    """Iterates over the lines of a text, and counts them; only one line is in memory."""

    def __init__(self, text: TextIO, table: Table):
        self._read: Callable[[int], str] = text.readline
        self._table = table
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._read(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE:
            raise self._table.error(self.number, f"more than {MAX_LINE:,} characters: not a {WHAT}")
        return line

    def next_filled(self) -> str:
        """Return the next line that is not blank.

        Raises:
            InputError: there is none.
        """
        for line in self:
            if line.strip():
                return line
        raise InputError(f"no rows in {self._table.path}", hint="add a header, such as path,label, and one image a row")


def list_columns(columns: Sequence[str]) -> str:
    """Return the names of columns as text, the first few of many and the start of long ones."""
    shown = [shorten(column.strip()) for column in columns[:MAX_SHOWN]]
    more = [f"and {len(columns) - MAX_SHOWN:,} more"] if len(columns) > MAX_SHOWN else []
    return ", ".join([*shown, *more]) or "none"


def shorten(text: str) -> str:
    """Return the start of a long text from a list, for a message."""
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}..."


def _roles(columns: Sequence[str]) -> dict[str, str]:
    """Return the column of each role that is present: path, label, split."""
    known = {re.sub(r"[\s-]+", "_", column.strip().lower()): column for column in reversed(columns)}
    return {
        role: next(known[name] for name in names if name in known)
        for role, names in COLUMNS.items()
        if not known.keys().isdisjoint(names)
    }


def _names_a_file(folder: Path, cell: str) -> bool:
    """Return whether a cell of the first line is a file, so that the line is not a header."""
    try:
        return bool(cell.strip()) and (folder / cell.strip().replace("\\", "/")).is_file()
    except (OSError, ValueError):  # the text is too long or holds a null character
        return False
