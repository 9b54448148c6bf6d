"""What a command says: results on standard output, everything else on standard error."""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.runtime.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

    from aecli.data.image_set import Failure


NUMBER = re.compile(r"-?[\d.,]+( %)?|inf")


def _switch(help_text: str, *flags: str) -> bool:
    metadata = {"help": help_text, "flags": flags, "rich_help_panel": "What is said"}
    return field(default=False, metadata=metadata)


@dataclass(frozen=True)
class Console:
    """The options on talking that every command has, and the talking itself."""

    quiet: bool = _switch("Say nothing but what was asked for, warnings and errors.", "--quiet", "-q")
    json: bool = _switch("Results as JSON on standard output.", "--json")
    no_progress: bool = _switch("No progress bars or lines.", "--no-progress")
    debug: bool = _switch("Show a traceback where something goes wrong.", "--debug")

    def result(self, text: str, document: dict[str, Any]) -> None:
        """Print what was asked for: `text` for a person, or `document` as one JSON document."""
        if self.json:
            print_json(document)
        else:
            print(printable(text, keep="\n"))

    def saved(self, path: Path, text: str, document: dict[str, Any]) -> None:
        """Say what was written where, unless quiet; on standard error where the file itself went to standard output."""
        if str(path) == "-":
            self.note(json.dumps(document) if self.json else text)
        elif self.json or not self.quiet:
            self.result(f"{printable(str(path))}\n  {text}", {"output": str(path)} | document)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], document: dict[str, Any]) -> None:
        """Print a table: aligned on a terminal, tab-separated in a pipe, one JSON document of all with `--json`."""
        if self.json:
            print_json(document)
            return
        cells = [[printable(cell) for cell in row] for row in [columns, *rows]]
        if not sys.stdout.isatty():
            for row in cells:
                print("\t".join(row))
            return
        from rich.cells import cell_len

        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        numbers = [all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in zip(*cells, strict=True)]
        for row in cells:  # longer lines than the terminal's run on: no figure is cut off
            padded = [
                " " * (width - cell_len(cell)) + cell if number else cell + " " * (width - cell_len(cell))
                for cell, width, number in zip(row, widths, numbers, strict=True)
            ]
            print("  ".join(padded).rstrip())

    def lines(self, columns: Sequence[str]) -> "Lines":
        """Return what prints results one after the other, as they come."""
        return Lines(columns, as_json=self.json)

    def summary(self, text: str, document: dict[str, Any]) -> None:
        """Tell what all `lines` come to: a person on standard error, unless quiet; with `--json` a last line, too."""
        if self.json:
            print_json({"summary": document})
        self.note(text)

    def note(self, text: str) -> None:
        """Tell a person something on standard error, unless quiet."""
        if not self.quiet:
            print(printable(text), file=sys.stderr)

    def warn(self, text: str) -> None:
        """Tell a person of something amiss on standard error, quiet or not."""
        print(printable(f"warning: {text}"), file=sys.stderr)

    def report_notes(self, notes: Iterable[str], failures: "Iterable[Failure]" = ()) -> None:
        """Tell a person what to know of images, each remark once, and which of them were left out and why."""
        for note in dict.fromkeys(notes):
            self.note(f"note: {note}")
        for failure in dict.fromkeys(failures):
            self.warn(f"left out: {failure.name}: {failure.reason}")

    @property
    def shows_progress(self) -> bool:
        return not (self.quiet or self.no_progress)

    @property
    def shows_bars(self) -> bool:
        return self.shows_progress and sys.stderr.isatty()

    @contextmanager
    def progress(self, unit: str = "images") -> Iterator[Progress]:
        """Show a bar with rate and time left for each stage of long work, on a terminal only."""
        if not self.shows_bars:
            yield silent
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        started = time.monotonic()
        with Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f} " + unit + "/s"),
            TimeRemainingColumn(),
            console=rich_console(sys.stderr),
            transient=True,
        ) as bars:
            stages: dict[str, Any] = {}

            def show(stage: str, done: int, total: int) -> None:
                if time.monotonic() - started < 0.5 and done < total:
                    return  # short work needs no bar
                if stage not in stages:
                    stages[stage] = bars.add_task(stage, total=total, rate=0.0)
                task = bars.tasks[bars.task_ids.index(stages[stage])]
                bars.update(stages[stage], completed=done, total=total, rate=done / max(task.elapsed or 0, 0.001))

            yield show


class Lines:
    """Results as they come: aligned with a heading on a terminal, tab-separated in a pipe, or JSON."""

    def __init__(self, columns: Sequence[str], *, as_json: bool):
        self._columns = columns
        self._json = as_json
        self._widths: list[int] = []

    def show(self, rows: Sequence[tuple[Sequence[str] | None, dict[str, Any]]]) -> None:
        """Print some results, each as its cells or as its document, at once; those without cells only as JSON."""
        if self._json:
            for _, document in rows:
                print_json(document)
        else:
            lines = [[printable(cell) for cell in cells] for cells, _ in rows if cells is not None]
            if sys.stdout.isatty():
                self._show_aligned(lines)
            else:
                print(*("\t".join(cells) + "\n" for cells in lines), sep="", end="")
        sys.stdout.flush()

    def _show_aligned(self, rows: list[list[str]]) -> None:
        from rich.cells import cell_len

        if not rows:
            return
        if not self._widths:  # by the first ones: later lines that are longer run on
            rows = [list(self._columns), *rows]
            self._widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = [
                cell + " " * max(0, width - cell_len(cell)) for cell, width in zip(row, self._widths, strict=True)
            ]
            print("  ".join(padded).rstrip())


def rich_console(stream: Any) -> "RichConsole":
    """Return rich's console on a stream; colors only on a terminal, and not where NO_COLOR is set."""
    from rich.console import Console as RichConsole

    return RichConsole(file=stream, highlight=False)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return `1 code`, `2 codes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def print_json(document: dict[str, Any]) -> None:
    """Print one line of JSON on standard output."""
    print(json.dumps(document, allow_nan=False))


def printable(text: str, keep: str = "") -> str:
    """Return the text with control characters, but for those to `keep`, spelled out.

    So no file name steers a terminal or forges a line. What the stream cannot encode is spelled out too.
    """
    if not text.isprintable():
        text = "".join(
            character
            if character in keep or character.isprintable()
            else character.encode("unicode_escape", "backslashreplace").decode()
            for character in text
        )
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
