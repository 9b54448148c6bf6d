"""Draw the layers in CONTRIBUTING.md from `MAY_IMPORT`: `python -m tests.rules.layers_diagram` rewrites the diagram."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rules.test_layers import MAY_IMPORT

CONTRIBUTING = Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md"
BEGIN, END = "<!-- layers -->", "<!-- end -->"


def reduce(may_import: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return for each layer the layers below it that no other layer in between leads to."""

    def reaches(start: str, goal: str) -> bool:
        return start == goal or any(reaches(below, goal) for below in may_import[start])

    return {
        layer: [name for name in below if not any(reaches(other, name) for other in below if other != name)]
        for layer, below in may_import.items()
    }


def diagram(may_import: Mapping[str, Sequence[str]]) -> str:
    """Return the layers as a Mermaid flowchart; `cli` imports all of them."""
    layers = {"cli": tuple(may_import), **dict(reversed(list(may_import.items())))}
    arrows = [f"    {layer} --> {name}" for layer, below in reduce(layers).items() for name in below]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def with_diagram(page: str) -> str:
    """Return the page with the text between the marks replaced."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{diagram(MAY_IMPORT)}\n\n{END}{after}"


if __name__ == "__main__":
    CONTRIBUTING.write_text(with_diagram(CONTRIBUTING.read_text("utf-8")), encoding="utf-8")
