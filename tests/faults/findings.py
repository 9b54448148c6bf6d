"""What was tried, how often, and what was found."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

HEADING = "| what | how many | findings |\n| --- | --- | --- |"


@dataclass
class Row:
    """One line of the table."""

    what: str
    how_many: int
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"| {self.what} | {self.how_many:,} | {len(self.findings)} |"


def show(rows: Iterable[Row]) -> int:
    """Print a Markdown table, and what was found on standard error; return how much it was."""
    print(HEADING)
    found = 0
    for row in rows:
        print(row, flush=True)
        print(*(f"{row.what}: {finding}\n" for finding in row.findings), sep="", end="", file=sys.stderr, flush=True)
        found += len(row.findings)
    return found
