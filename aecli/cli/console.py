"""The console output of all commands: results on standard output, everything else on standard error."""

import json
import select
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
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
PIPE_BYTES: int = getattr(select, "PIPE_BUF", 4096)
"""Most bytes that one write puts into a pipe without bytes of other processes between them."""
SECONDS_BEFORE_BAR = 0.5
SECONDS_BETWEEN_LINES = 60.0
"""Where there is no terminal, training prints a line at least this often."""


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
            self.warn(failure.warning)

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
    def progress(self, unit: str = "", *, lines: bool = False) -> Iterator[Progress]:
        """Show one bar on a terminal, with rate and remaining time of the current stage of long work.

        Args:
            unit: What is counted, if it is not the last word of the stage.
            lines: Whether to print a line a minute elsewhere, instead of nothing.
        """
        if not self.shows_bars:
            yield self._lines() if lines and self.shows_progress else silent
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

    def _lines(self) -> Progress:
        """Return the progress that prints a line a minute."""
        printed_at = time.monotonic()

        def show(stage: str, done: int, total: int) -> None:
            nonlocal printed_at
            if time.monotonic() - printed_at >= SECONDS_BETWEEN_LINES:
                printed_at = time.monotonic()
                self.note(f"{stage}: {done:,} of {total:,}")

        return show


def rich_console(stream: Any) -> "RichConsole":
    """Return rich's console on a stream; it uses colors on a terminal only, and none if NO_COLOR is set."""
    from rich.console import Console as RichConsole

    return RichConsole(file=stream, highlight=False)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one line of JSON on standard output."""
    print(json_line(document), end="")


def json_line(document: Mapping[str, Any]) -> str:
    """Return one line of JSON, with its end."""
    return json.dumps(document, allow_nan=False) + "\n"


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, which have their ends, at once and in whole lines.

    Several processes that share a pipe or a file, such as those of `xargs -P 8`, thus do not tear each other's lines.
    """
    sys.stdout.flush()
    text, size = "", 0
    for line in lines:
        length = len(line.encode("utf-8", "surrogatepass"))
        if size + length > PIPE_BYTES:
            print(text, end="", flush=True)
            text, size = "", 0
        text, size = text + line, size + length
    print(text, end="", flush=True)


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
