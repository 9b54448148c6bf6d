"""The console output of all commands: results on standard output, everything else on standard error."""

import json
import re
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.cli.colors import is_dumb_terminal, styled
from aecli.runtime.counting import rate_text
from aecli.runtime.options import option
from aecli.runtime.progress import Progress, silent, unit_of

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

    from aecli.data.image_set import Failure, ImageSet


PANEL = "Output"
NUMBER = re.compile(r"-?[\d.,]+%?|inf")
SECONDS_BEFORE_BAR = 0.5


@dataclass(frozen=True)
class Console:
    """The output options that every command has, and the methods that print."""

    quiet: bool = option(False, "Print only results, warnings and errors.", "--quiet", "-q", panel=PANEL)
    json: bool = option(False, "Print results as JSON on standard output.", "--json", panel=PANEL)
    no_progress: bool = option(False, "Do not show progress bars or lines.", "--no-progress", panel=PANEL)
    debug: bool = option(False, "Show a traceback after an error.", "--debug", panel=PANEL)

    def result(self, text: str, document: dict[str, Any]) -> None:
        """Print the result of a command: `text`, or with `--json` the one JSON `document`."""
        if self.json:
            print_json(document)
        else:
            print(printable(text, keep="\n"))

    def saved(self, path: Path, text: str, document: dict[str, Any]) -> None:
        """Report the file that was written, unless quiet.

        The report goes to standard error if the file itself went to standard output.
        """
        if str(path) == "-":
            self.note(json.dumps(document) if self.json else text)
        elif self.json or not self.quiet:
            self.result(f"{printable(str(path))}\n  {text}", {"output": str(path)} | document)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], document: dict[str, Any]) -> None:
        """Print a table: aligned on a terminal, tab-separated in a pipe, or one JSON document with `--json`."""
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
        numeric = [all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in zip(*cells, strict=True)]
        for row in cells:  # rows wider than the terminal wrap, so that no value is cut off
            padded = [
                " " * (width - cell_len(cell)) + cell if is_number else cell + " " * (width - cell_len(cell))
                for cell, width, is_number in zip(row, widths, numeric, strict=True)
            ]
            print("  ".join(padded).rstrip())

    def lines(self, columns: Sequence[str], alarming: Collection[str] = ()) -> "Lines":
        """Return a printer of results that arrive one after the other; cells that are `alarming` are red."""
        return Lines(columns, as_json=self.json, alarming=alarming)

    def summary(self, text: str, document: dict[str, Any]) -> None:
        """Summarize all `lines`: on standard error, unless quiet; with `--json` also as the last JSON line."""
        if self.json:
            print_json({"summary": document})
        self.note(text)

    def note(self, text: str) -> None:
        """Print a line on standard error, unless quiet."""
        if not self.quiet:
            print(printable(text), file=sys.stderr)

    def warn(self, text: str) -> None:
        """Print a warning on standard error, quiet or not."""
        print(styled("warning:", "warning", sys.stderr), printable(text), file=sys.stderr)

    def report_images(self, images: "ImageSet") -> None:
        """Print the notes and warnings on images, and a warning for each image that was left out."""
        self.report_notes(images.notes, images.failures)
        for warning in images.warnings:
            self.warn(warning)

    def report_notes(self, notes: Iterable[str], failures: "Iterable[Failure]" = ()) -> None:
        """Print each note on images once, and a warning for each image that was left out, with the reason."""
        for note in dict.fromkeys(notes):
            self.note(f"note: {note}")
        for failure in dict.fromkeys(failures):
            self.warn(f"left out: {failure.name}: {failure.reason}")

    @property
    def shows_progress(self) -> bool:
        return not (self.quiet or self.no_progress)

    @property
    def shows_bars(self) -> bool:
        return self.shows_progress and sys.stderr.isatty() and not is_dumb_terminal()

    @contextmanager
    def status(self, text: str) -> Iterator[None]:
        """Show what the command is waiting for, on a terminal only, and remove it at the end of the `with` block."""
        if not self.shows_bars:
            yield
            return
        with rich_console(sys.stderr).status(text):
            yield

    @contextmanager
    def progress(self, unit: str = "") -> Iterator[Progress]:
        """Show one bar, with rate and remaining time of the current stage of long work, on a terminal only.

        Args:
            unit: What is counted, if it is not the last word of the stage.
        """
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
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=rich_console(sys.stderr),
            transient=True,
        ) as bars:
            stages: dict[str, Any] = {}

            def show(stage: str, done: int, total: int) -> None:
                if time.monotonic() - started < SECONDS_BEFORE_BAR and done < total:
                    return
                if stage not in stages:
                    for earlier in bars.tasks:
                        bars.update(earlier.id, visible=not earlier.finished)
                    stages[stage] = bars.add_task(stage, total=total, rate="")
                task = bars.tasks[bars.task_ids.index(stages[stage])]
                if done < task.completed:  # the same stage again, of other images
                    bars.reset(task.id, total=total)
                rate = f"{rate_text(done / max(task.elapsed or 0, 0.001))} {unit or unit_of(stage)}/s"
                bars.update(task.id, completed=done, total=total, visible=True, rate=rate)

            yield show


class Lines:
    """A printer of results as they arrive: aligned with a heading on a terminal, tab-separated in a pipe, or JSON."""

    def __init__(self, columns: Sequence[str], *, as_json: bool, alarming: Collection[str] = ()):
        self._columns = columns
        self._alarming = alarming
        self._json = as_json
        self._widths: list[int] = []

    def show(self, rows: Sequence[tuple[Sequence[str] | None, dict[str, Any]]]) -> None:
        """Print several results at once, each given as (cells, JSON document); without cells, only as JSON."""
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
        if not self._widths:  # the first results set the widths; longer cells later on are not cut off
            rows = [list(self._columns), *rows]
            self._widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = [
                (styled(cell, "error", sys.stdout) if cell in self._alarming else cell)
                + " " * max(0, width - cell_len(cell))
                for cell, width in zip(row, self._widths, strict=True)
            ]
            print("  ".join(padded).rstrip())


def rich_console(stream: Any) -> "RichConsole":
    """Return rich's console on a stream; it uses colors on a terminal only, and none if NO_COLOR is set."""
    from rich.console import Console as RichConsole

    return RichConsole(file=stream, highlight=False)


def print_json(document: dict[str, Any]) -> None:
    """Print one line of JSON on standard output."""
    print(json.dumps(document, allow_nan=False))


def printable(text: str, keep: str = "") -> str:
    """Return the text with control characters escaped, except those in `keep`.

    A file name then cannot control the terminal or forge a line of output. Characters that the encoding of standard
    output does not have are escaped too.
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
