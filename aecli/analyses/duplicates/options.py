"""The options of a search for duplicates; imports nothing heavy, as the command line reads it before it runs."""

from dataclasses import dataclass
from math import isfinite

from aecli.analyses.search.options import DistanceOptions
from aecli.errors import UsageError
from aecli.runtime.options import option

SCALE_NEIGHBORS = 10


@dataclass(frozen=True)
class DuplicateOptions(DistanceOptions):
    """Which codes are near-duplicates."""

    threshold: float | None = option(
        None,
        "Largest relative distance of near-duplicates: the distance of two codes, divided by that to their "
        f"{SCALE_NEIGHBORS}th nearest codes; 0 for exact copies only. Default: the gap in the distribution of nearest "
        "neighbors.",
        metavar="RATIO",
        panel="Duplicates",
    )

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            UsageError: the threshold is negative or not finite.
        """
        if self.threshold is not None and not (isfinite(self.threshold) and self.threshold >= 0):
            raise UsageError(f"--threshold must be at least 0, got {self.threshold:g}", hint="--threshold 0.1")
