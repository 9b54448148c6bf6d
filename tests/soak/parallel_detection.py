"""`find -print0 | xargs -0 -P 8 aecli detect`: each image has one verdict, the same as in one process."""

import os
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import IO

from tests.soak.actor import Actor
from tests.soak.commands import TIMEOUT, aecli, environment, has_error

FORMATS = ("tsv", "json", "csv")
PIECE = 4096
"""Bytes that the reader of the pipe takes at once."""


class ParallelDetection(Actor):
    """Detects the same images by eight processes at once, in each format, into a file and into a slow pipe."""

    images = 0

    def prepare(self) -> None:
        self.words = ("detect", "--model", self.material.run, "--quiet")
        self.expected = {
            style: _rows(self.succeed(*self.words, *_style(style), self.material.digits).out) for style in FORMATS
        }

    def round(self) -> None:
        style = FORMATS[self.rounds % len(FORMATS)]
        into_pipe = bool(self.rounds // len(FORMATS) % 2 == 0)
        each = self.random.randint(100, 800)
        command = (
            f"find {shlex.quote(str(self.material.digits))} -name '*.png' -print0 | "
            f"xargs -0 -P 8 -n {each} {shlex.join(aecli(*self.words, *_style(style)))}"
        )
        output = self.place / "verdicts"
        with output.open("wb") as file, (self.place / "errors").open("w+b") as errors:
            process = subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.place,
                env=environment(self.temporary),
                stdout=subprocess.PIPE if into_pipe else file,
                stderr=errors,
            )
            with process:
                if process.stdout:
                    file.writelines(self._read_slowly(process.stdout))
                status = process.wait(TIMEOUT)
            errors.seek(0)
            lines = errors.read().decode().splitlines()
        where = f"-n {each}, {style} into a {'pipe' if into_pipe else 'file'}"
        if status or has_error(lines):
            self.find(f"{where}: exit status {status}: {lines[-20:]}")
        for finding in differences(self.expected[style], _rows(output.read_text())):
            self.find(f"{where}: {finding}")
        self.images += self.expected[style].total()

    def summary(self) -> str:
        return f"{self.images:,} images by 8 processes"

    def _read_slowly(self, pipe: IO[bytes]) -> Iterator[bytes]:
        """Read a pipe that is often full."""
        time.sleep(self.random.uniform(0, 10))
        while piece := os.read(pipe.fileno(), PIECE):
            yield piece
            time.sleep(0.001)


def differences(expected: Counter[str], found: Counter[str]) -> list[str]:
    """Return which lines are missing, and which ones are there without being expected, or too often."""
    return [
        f"{lines.total()} lines {what}, such as {next(iter(lines))!r}"
        for what, lines in (("are missing", expected - found), ("are not expected", found - expected))
        if lines
    ]


def _style(style: str) -> tuple[str, ...]:
    return ("--format", style, *(() if style == "json" else ("--no-header",)))


def _rows(output: str) -> Counter[str]:
    """Count the lines, without the summaries of JSON."""
    return Counter(line for line in output.splitlines() if not line.startswith('{"summary"'))
