"""What `aecli info` says about a file or a set of images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Description:
    """The kind and the content of a file."""

    path: Path
    kind: str
    lines: dict[str, str]
    """What `as_text` shows, by name."""
    details: dict[str, Any]
    """Everything, as plain values."""

    def as_text(self) -> str:
        width = max(map(len, self.lines), default=0)
        rows = [f"{self.path}: {self.kind}", *(f"  {name:<{width}}  {value}" for name, value in self.lines.items())]
        return "\n".join(row.replace("\n", "\\n") for row in rows)  # so that no value can forge a line

    def to_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "kind": self.kind} | self.details
