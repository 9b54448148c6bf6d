"""What was tried, how often, and what was found."""

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
    """Print a Markdown table and, below it, the findings; return how many there were."""
    print(HEADING)
    found = []
    for row in rows:
        print(row, flush=True)
        found += [f"{row.what}: {finding}" for finding in row.findings]
    print("", *found, sep="\n")
    return len(found)
