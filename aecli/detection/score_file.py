"""Read the scores that `aecli detect` printed into a file: cells separated by tabs or commas, or JSON lines."""

import csv
import json
import math
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aecli.errors import InputError
from aecli.storage.paths import is_stream
from aecli.storage.text import open_text

HEADING = "path"
"""The heading of the names of images that `aecli detect` prints."""
WHAT = "file of scores"
HINT = "aecli detect DATA --model run > verdicts.tsv writes one"
SEPARATORS = re.compile("[/:]")


class ScoredImage(NamedTuple):
    """A line of `aecli detect`."""

    score: float
    threshold: float

    @property
    def is_anomaly(self) -> bool:
        """Whether the score is above the threshold."""
        return self.score > self.threshold


@dataclass(frozen=True)
class ScoreFile:
    """The scores of images by the names that `aecli detect` gives them."""

    path: Path
    lines: dict[str, ScoredImage]

    def by_name(self, names: Collection[str]) -> dict[str, ScoredImage]:
        """Return the scores of the images that have these names in their folder or data set.

        `detect` puts the folder or the data set before a name: `photos/a/1.png`, `letters:test/7`. The longest part of
        its name after a `/` or `:` that is one of `names` is taken.
        """
        found = {}
        for printed, line in self.lines.items():
            starts = [0, *(match.end() for match in SEPARATORS.finditer(printed))]
            name = next((printed[start:] for start in starts if printed[start:] in names), None)
            if name is not None:
                found[name] = line
        return found


def read_scores(path: Path) -> ScoreFile:
    """Read what `aecli detect` printed, as a table or with `--json`; `-` is standard input.

    Raises:
        InputError: the file is missing or not such a file.
    """
    lines: dict[str, ScoredImage] = {}
    with nullcontext(sys.stdin) if is_stream(path) else open_text(path, WHAT) as text:
        for number, line in enumerate(text, 1):
            try:
                lines.update(_parsed(line))
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                raise InputError(f"not a {WHAT}: {path}, line {number:,}", hint=HINT) from error
    if not lines:
        raise InputError(f"no scores in {path}", hint=HINT)
    return ScoreFile(path, lines)


def _parsed(line: str) -> Iterator[tuple[str, ScoredImage]]:
    """Yield the name and the scores of an image, if the line has any."""
    if line.startswith("{"):
        document: dict[str, Any] = json.loads(line)
        if "score" in document:
            yield str(document["path"]), _scored(document["score"], document["threshold"])
        return
    cells = line.rstrip("\n").split("\t")
    if len(cells) == 1:
        cells = next(csv.reader([line]), [""])
    if cells != [""] and cells[0] != HEADING:
        yield cells[0], _scored(cells[1], cells[2])


def _scored(score: Any, threshold: Any) -> ScoredImage:
    """Return the numbers of a line.

    Raises:
        ValueError, TypeError: one is not a finite number.
    """
    scored = ScoredImage(float(score), float(threshold))
    if not all(map(math.isfinite, scored)):
        raise ValueError("not finite")
    return scored
