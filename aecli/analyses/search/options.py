"""The options of a search; imports nothing heavy, as the command line reads it before it runs a command."""

from dataclasses import dataclass
from typing import Literal

from aecli.errors import UsageError
from aecli.runtime.options import option

Metric = Literal["euclidean", "cosine"]
Method = Literal["auto", "exact", "approximate"]
EXACT_CODES = 100_000
"""The largest set of codes that is always searched exactly, unless an index is requested."""
EXACT_QUERIES = 5_000
"""The most queries for which a larger set is searched exactly, too: an index takes longer to build."""
PANEL = "Search"


@dataclass(frozen=True)
class DistanceOptions:
    """What is a small distance, and how the codes at a small distance are found."""

    metric: Metric = option(
        "euclidean",
        "Distance between codes: that of their values, or cosine, which does not depend on the length of a code.",
        metavar="euclidean|cosine",
        panel=PANEL,
    )
    method: Method = option(
        "auto",
        "exact compares each query with all codes; approximate builds an index first, which needs aecli[search]. "
        f"auto builds one for more than {EXACT_QUERIES:,} queries in more than {EXACT_CODES:,} codes.",
        metavar="auto|exact|approximate",
        panel=PANEL,
    )

    def prefers_index(self, codes: int, queries: int) -> bool:
        """Return whether an index is to be built for this many codes and queries."""
        if self.method == "auto":
            return codes > EXACT_CODES and queries > EXACT_QUERIES
        return self.method == "approximate"


@dataclass(frozen=True)
class SearchOptions(DistanceOptions):
    """How many codes are found for each query, and how."""

    neighbors: int = option(
        10, "Number of codes to find for each query.", "--neighbors", "-k", metavar="N", panel=PANEL
    )

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            UsageError: there would be no neighbors.
        """
        if self.neighbors < 1:
            raise UsageError(f"--neighbors must be at least 1, got {self.neighbors}", hint="-k 10")
