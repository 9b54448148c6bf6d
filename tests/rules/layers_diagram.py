"""Draw the layers in CONTRIBUTING.md from `BELOW`: `python -m tests.rules.layers_diagram` rewrites the diagram."""

from pathlib import Path

from tests.rules.test_layers import BELOW

CONTRIBUTING = Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md"
BEGIN, END = "<!-- layers -->", "<!-- end -->"


def diagram() -> str:
    """Return the layers as a Mermaid flowchart, from the top."""
    arrows = [f"    {layer} --> {name}" for layer, below in reversed(BELOW.items()) for name in below]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def with_diagram(page: str) -> str:
    """Return the page with the text between the marks replaced."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{diagram()}\n\n{END}{after}"


if __name__ == "__main__":
    CONTRIBUTING.write_text(with_diagram(CONTRIBUTING.read_text("utf-8")), encoding="utf-8")
