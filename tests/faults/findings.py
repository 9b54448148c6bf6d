"""The table of injected faults and findings."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

HEADING = "| faults | count | findings |\n| --- | --- | --- |"


@dataclass
class Row:
    """A row of the table."""

    what: str
    count: int
    """Number of injected faults."""
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"| {self.what} | {self.count:,} | {len(self.findings)} |"


def print_table(rows: Iterable[Row]) -> int:
    """Print a Markdown table, and the findings on standard error; return the number of findings."""
    print(HEADING)
    total = 0
    for row in rows:
        print(row, flush=True)
        print(*(f"{row.what}: {finding}\n" for finding in row.findings), sep="", end="", file=sys.stderr, flush=True)
        total += len(row.findings)
    return total
