"""The progress of long work in Python: a bar below the cell of a notebook, or on a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any, Protocol, TypeAlias

from aecli.runtime.durations import duration_text
from aecli.runtime.progress import Progress, silent

ProgressLike: TypeAlias = "bool | Progress | None"
"""None shows a bar in a notebook and on a terminal, True lines elsewhere, too, False nothing; or a callback."""

SECONDS_BETWEEN_UPDATES = 0.2
SECONDS_BEFORE_BAR = 0.5
"""Shorter work shows no bar."""


class Display(Protocol):
    """A line with a bar that is updated in place."""

    def update(self, stage: str, done: float, total: float, details: str = "") -> None:
        """Show that `done` of `total` is done."""

    def keep(self, line: str) -> None:
        """Show a line above the bar that stays."""

    def close(self, summary: str | None = None) -> None:
        """Replace the bar by a line, or remove it."""


class NotebookDisplay:
    """A bar below the cell of a notebook. It needs nothing but IPython, and remains as text in a saved notebook."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._clock = Clock()
        self._lines: list[str] = []

    def update(self, stage: str, done: float, total: float, details: str = "") -> None:
        """Show a bar, the stage, the details and the time left."""
        left = self._clock.seconds_left(stage, done, total)
        text = "  ".join(part for part in (stage, details, left) if part)
        bar = f'<progress value="{done:g}" max="{total:g}" style="width: 16em; vertical-align: middle"></progress>'
        self._show(text, f"{bar} {_html(text)}")

    def keep(self, line: str) -> None:
        """Show a line above the bar that stays."""
        self._lines.append(line)
        self._show()

    def close(self, summary: str | None = None) -> None:
        """Replace the bar by a line, or remove it."""
        if summary:
            self._lines.append(summary)
        if summary or self._handle:
            self._show()

    def _show(self, text: str = "", html: str = "") -> None:
        display = import_module("IPython.display").display
        content = {
            "text/html": "<br>".join(filter(None, [*map(_html, self._lines), html])),
            "text/plain": "\n".join(filter(None, [*self._lines, text])),
        }
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class TerminalDisplay:
    """A bar on standard error; closing it leaves its last state or the summary."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._task: Any = None
        self._clock = Clock()

    def update(self, stage: str, done: float, total: float, details: str = "") -> None:
        """Show the stage, a bar, the details and the time left."""
        if self._bars is None:
            self._start()
        left = self._clock.seconds_left(stage, done, total)
        self._bars.update(
            self._task, completed=done, total=total, description=stage, details="  ".join(filter(None, [details, left]))
        )

    def keep(self, line: str) -> None:
        """Print a line above the bar."""
        if self._bars is None:
            print(line, file=sys.stderr)
        else:
            self._bars.console.print(line, markup=False, soft_wrap=True)

    def close(self, summary: str | None = None) -> None:
        """Remove the bar, and print the summary."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        if summary:
            print(summary, file=sys.stderr)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[details]}"))
        self._bars = Bars(*columns, console=Console(stderr=True, highlight=False), transient=True)
        self._task = self._bars.add_task("", details="")
        self._bars.start()


class LineDisplay:
    """A line on standard error each tenth of the way, where nothing can be updated in place."""

    def __init__(self) -> None:
        self._tenth: tuple[str, int] = ("", 0)

    def update(self, stage: str, done: float, total: float, details: str = "") -> None:
        """Print a line if another tenth is done."""
        kind = stage.rstrip("0123456789/,")  # the number of the epoch does not start another stage
        tenth = (kind, int(10 * done / total) if total else 10)
        if tenth[1] and tenth != self._tenth:
            self._tenth = tenth
            print("  ".join(filter(None, [stage, details])), file=sys.stderr)

    def keep(self, line: str) -> None:
        """Print a line."""
        print(line, file=sys.stderr)

    def close(self, summary: str | None = None) -> None:
        """Print the summary."""
        if summary:
            print(summary, file=sys.stderr)


class Clock:
    """Estimates the time left from the time that a stage has taken so far."""

    def __init__(self) -> None:
        self._stage = ""
        self._started = 0.0
        self._done = 0.0

    def seconds_left(self, stage: str, done: float, total: float) -> str:
        """Return the time left as text; "" if it is not known yet."""
        kind, now = stage.partition(" ")[0], time.monotonic()
        if kind != self._stage or done < self._done:
            self._stage, self._started, self._done = kind, now, done
        progressed = done - self._done
        if progressed <= 0 or done >= total:
            return ""
        seconds = (now - self._started) / progressed * (total - done)
        return f"{duration_text(seconds)} left"


def open_display(progress: bool | None) -> Display | None:
    """Return the display for this process: that of a notebook or a terminal; None if there is none."""
    if progress is False:
        return None
    if in_notebook():
        return NotebookDisplay()
    if sys.stderr is not None and sys.stderr.isatty():
        return TerminalDisplay()
    return LineDisplay() if progress else None


@contextmanager
def open_progress(progress: ProgressLike) -> Iterator[Progress]:
    """Yield the callback for long work; the bar, if there is one, is removed at the end."""
    if progress is not None and not isinstance(progress, bool):
        yield progress
        return
    display = open_display(progress)
    if display is None:
        yield silent
        return
    try:
        yield updating(display)
    finally:
        display.close()


def updating(display: Display) -> Progress:
    """Return a callback that updates a display, at intervals and only during long work."""
    started = updated = time.monotonic()

    def show(stage: str, done: int, total: int) -> None:
        nonlocal updated
        now = time.monotonic()
        if now - started < SECONDS_BEFORE_BAR or (now - updated < SECONDS_BETWEEN_UPDATES and done < total):
            return
        updated = now
        display.update(stage, done, total, f"{done:,} of {total:,}")

    return show


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _html(text: str) -> str:
    return f"<span style='font-family: monospace; white-space: pre'>{escape(text)}</span>"
