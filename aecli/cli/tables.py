"""Tables: columns that are declared once, values as rows, and their text for people and for programs."""

import csv
import io
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aecli.cli.console import printable

MISSING = "-"
"""The cell of a missing value in a table for people; for programs, the cell is empty."""
GAP = "  "
MIN_WRAPPED_WIDTH = 32
"""Columns of a terminal that a text must have left to be wrapped."""

Row = Mapping[str, Any]
"""Values by the names of columns, or by other names that `Column.key` refers to: the same that JSON has."""


@dataclass(frozen=True)
class Column:
    """A column: the value that it takes from a row, and how it is shown.

    A value is a text, a number, true or false, or a list of texts; None is missing. The value of a column with an
    interval is a mapping with `value`, `low` and `high`, one cell for people and three for programs.
    """

    name: str
    """The heading for programs, in snake_case."""
    heading: str = ""
    """The heading for people; default: the name with spaces."""
    format: str = ""
    """The format of numbers for people, such as `.4f`; default: commas in whole numbers, `decimals_of` for others."""
    suffix: str = ""
    """What follows a number for people, such as `%`."""
    key: str = ""
    """Where a row holds the value: keys separated by dots; default: the name."""
    has_interval: bool = False
    words: tuple[str, str] = ("yes", "no")
    """What people see for true and false."""

    @property
    def title(self) -> str:
        """The heading for people."""
        return self.heading or self.name.replace("_", " ")

    @property
    def names(self) -> list[str]:
        """The headings for programs."""
        return [self.name, f"{self.name}_low", f"{self.name}_high"] if self.has_interval else [self.name]

    def values(self, rows: Sequence[Row]) -> list[Any]:
        """Return the value of each row; None where a key is missing."""
        found: Iterable[Any] = rows
        for key in (self.key or self.name).split("."):
            found = [None if value is None else value.get(key) for value in found]
        return list(found)

    def cells(self, values: Sequence[Any]) -> list[str]:
        """Return what people see for each value."""
        numbers = self.format or decimals_of([value for value in values if isinstance(value, float)])
        return [MISSING if value is None else printable(self._cell(value, numbers)) for value in values]

    def _cell(self, value: Any, numbers: str) -> str:
        if isinstance(value, Mapping):
            text, low, high = (value[part] for part in ("value", "low", "high"))
            bounds = "" if low is None else f" ({self._cell(low, numbers)} to {self._cell(high, numbers)})"
            return self._cell(text, numbers) + bounds
        if isinstance(value, bool):
            return self.words[0] if value else self.words[1]
        if isinstance(value, int | float):
            return format(value, "," if isinstance(value, int) else numbers) + self.suffix
        return value if isinstance(value, str) else " ".join(map(str, value))


def decimals_of(values: Iterable[float]) -> str:
    """Return a format with the same decimals for all values.

    The largest value has at least 6 significant digits, and the smallest one that is not 0 has 4, unless the largest
    would then have more than 10.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)] or [1.0]
    largest, smallest = (math.floor(math.log10(size)) for size in (max(sizes), min(sizes)))
    return f".{max(5 - largest, min(3 - smallest, 9 - largest), 0)}f"


def for_programs(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Return the cells of each row: plain numbers, `true` and `false`, nothing for a missing value."""
    cells: list[list[str]] = []
    for column in columns:
        values = column.values(rows)
        if column.has_interval:
            cells += [
                _plain([None if value is None else value[part] for value in values])
                for part in ("value", "low", "high")
            ]
        else:
            cells.append(_plain(values))
    return zip(*cells, strict=True)


def _plain(values: Sequence[Any]) -> list[str]:
    """Return values as texts, in few calls for many values."""
    texts = [
        value if type(value) is str
        else "" if value is None
        else json.dumps(value) if type(value) is bool
        else " ".join(map(str, value)) if isinstance(value, list | tuple)
        else str(value)
        for value in values
    ]  # fmt: skip
    joined = "".join(texts)
    return texts if joined.isascii() and joined.isprintable() else [*map(printable, texts)]


def tsv_text(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells that tabs separate, none of them quoted: `printable` has escaped tabs and newlines."""
    return "".join(["\t".join(line) + "\n" for line in lines])


def csv_text(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells that commas separate, in quotes where RFC 4180 asks for them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


TEXT_FORMATS: Mapping[str, Callable[[Iterable[Sequence[str]]], str]] = {"tsv": tsv_text, "csv": csv_text}
"""The formats for programs whose lines are rows."""


def for_people(columns: Sequence[Column], rows: Sequence[Row], width: int | None, *, heading: bool = True) -> list[str]:
    """Return the lines of an aligned table without the columns whose cells are all empty.

    A table that is wider than `width` is turned if it then fits; otherwise the text in its last column is wrapped, or
    the columns are folded into blocks that begin with the first one. Where none helps, lines are wider, as no value is
    cut.
    """
    shown = [
        _TextColumn(column.title, cells, is_number=are_numbers(values))
        for column in columns
        for values in [column.values(rows)]
        for cells in [column.cells(values)]
        if not rows or {*cells} - {MISSING, ""}
    ]
    if width is None or _width_of(shown) <= width:
        return _aligned(shown, heading)
    if heading and _width_of(turned := _turned(shown)) <= width:
        return _aligned(turned, heading)
    if _left_for_last(shown, width) or shown[0].width > width // 2:
        return _aligned(shown, heading, width)
    lines: list[str] = []
    for block in _blocks(shown, width):
        lines += [*([""] if lines else []), *_aligned(block, heading, width)]
    return lines


@dataclass(frozen=True)
class _TextColumn:
    title: str
    cells: list[str]
    is_number: bool

    @property
    def width(self) -> int:
        return max(map(cell_width, [self.title, *self.cells]))

    def texts(self, heading: bool) -> list[str]:
        texts = [self.title, *self.cells] if heading else self.cells
        width = max(map(cell_width, texts), default=0)
        return [padded(text, width, to_right=self.is_number) for text in texts]


def cell_width(text: str) -> int:
    """Return the columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int, *, to_right: bool) -> str:
    """Return a text with spaces before or after it."""
    spaces = " " * max(0, width - cell_width(text))
    return spaces + text if to_right else text + spaces


def are_numbers(values: Iterable[Any]) -> bool:
    """Return whether all values that are there are numbers, or numbers with intervals."""
    kinds = {type(value) for value in values if value is not None}
    return bool(kinds) and kinds <= {int, float, dict}


def _width_of(columns: Sequence[_TextColumn]) -> int:
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _left_for_last(columns: Sequence[_TextColumn], width: int) -> int:
    """Return the width in which the text of the last column can be wrapped; 0 if it cannot."""
    left = width - _width_of(columns[:-1]) - len(GAP)
    return 0 if columns[-1].is_number or left < MIN_WRAPPED_WIDTH else left


def _aligned(columns: Sequence[_TextColumn], heading: bool, width: int | None = None) -> list[str]:
    """Return the lines of a table; where they are wider than `width`, the last text is wrapped, if it can be."""
    *others, last = columns
    left = _left_for_last(columns, width) if width is not None and _width_of(columns) > width else 0
    beside = [column.texts(heading) for column in others]
    texts = last.texts(heading) if not left else [last.title, *last.cells] if heading else last.cells
    indent = " " * sum(cell_width(cells[0]) + len(GAP) for cells in beside if cells)
    lines: list[str] = []
    for *cells, text in zip(*beside, texts, strict=True):
        first, *more = _wrapped(text, left) if left else [text]
        lines += [GAP.join([*cells, first]).rstrip(), *(indent + line for line in more)]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _turned(columns: Sequence[_TextColumn]) -> list[_TextColumn]:
    """Return a table of one line for each column, headed by the cells of the first one."""
    first, *others = columns
    titles = _TextColumn(first.title, [column.title for column in others], is_number=False)
    cells = [
        _TextColumn(name, [column.cells[row] for column in others], is_number=True)
        for row, name in enumerate(first.cells)
    ]
    return [titles, *cells]


def _blocks(columns: Sequence[_TextColumn], width: int) -> Iterator[list[_TextColumn]]:
    first, *others = columns
    block = [first]
    for column in others:
        if len(block) > 1 and _width_of([*block, column]) > width:
            yield block
            block = [first]
        block.append(column)
    yield block
