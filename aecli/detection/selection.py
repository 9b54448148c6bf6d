"""Choose which results of `aecli detect` are shown, and in which order; imports nothing heavy."""

import heapq
from dataclasses import dataclass
from typing import Generic, TypeVar

from aecli.errors import UsageError, unknown
from aecli.runtime.options import option

Item = TypeVar("Item")

VERDICTS = {"anomalies": "anomaly", "normal": "normal"}
"""The verdict of the images that each value of --only shows."""
ORDERS = ("score",)
PANEL = "Results"


@dataclass(frozen=True)
class ResultOptions:
    """The results to show, and their order; the summary and the exit status count all images."""

    only: str | None = option(None, "Show only the images of this verdict.", panel=PANEL, metavar="|".join(VERDICTS))
    sort: str | None = option(
        None,
        "Show the images by decreasing score, after all are scored; default: in the order of the images, as they are "
        "scored. The rows of all images are kept in memory.",
        panel=PANEL,
        metavar="|".join(ORDERS),
    )
    top: int | None = option(
        None,
        "Show only the N images with the highest scores, after all are scored; in the order of the images unless "
        "--sort score is given. Heatmaps and maps are written for these images only.",
        panel=PANEL,
        metavar="N",
    )

    @property
    def holds_back(self) -> bool:
        """Whether nothing is shown before all images are scored."""
        return self.sort is not None or self.top is not None

    def check(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value is unknown or out of range.
        """
        if self.only is not None and self.only not in VERDICTS:
            raise UsageError(unknown("value of --only", self.only, VERDICTS))
        if self.sort is not None and self.sort not in ORDERS:
            raise UsageError(unknown("value of --sort", self.sort, ORDERS))
        if self.top is not None and self.top < 1:
            raise UsageError(f"--top must be at least 1, not {self.top}", hint="for example --top 10")

    def shows(self, verdict: str) -> bool:
        """Return whether images of a verdict, `anomaly` or `normal`, are shown."""
        return self.only is None or VERDICTS[self.only] == verdict


class Ranking(Generic[Item]):
    """Items with scores: all of them, or at most `top` with the highest scores, in a heap."""

    def __init__(self, top: int | None = None):
        self._top = top
        self._count = 0
        self._entries: list[tuple[float, int, Item]] = []
        """The score, the negative number of the item, and the item: of equal scores, the first item ranks highest."""

    def would_keep(self, score: float) -> bool:
        """Return whether an item of this score would be kept if it were added now."""
        return self._top is None or len(self._entries) < self._top or score > self._entries[0][0]

    def add(self, score: float, item: Item) -> None:
        """Add an item; an item that does not rank among the `top` anymore is dropped."""
        entry = (score, -self._count, item)
        self._count += 1
        if self._top is None:
            self._entries.append(entry)
        elif len(self._entries) < self._top:
            heapq.heappush(self._entries, entry)
        else:
            heapq.heappushpop(self._entries, entry)

    def items(self, *, by_score: bool) -> list[Item]:
        """Return the items, the highest score first, or in the order in which they were added."""
        key = (lambda entry: entry[:2]) if by_score else (lambda entry: entry[1:2])
        return [item for *_, item in sorted(self._entries, key=key, reverse=True)]
