"""Generate tables of pages from the registries: `python -m tests.rules.readme_tables` rewrites them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from aecli.cli.app import app
from aecli.data.registry import registry
from aecli.detection.scores import score_summaries
from aecli.recipes.loading import recipe_names, recipe_purpose

ROOT = Path(__file__).parents[2]
README, DETECTION = ROOT / "README.md", ROOT / "examples" / "detection" / "README.md"
END = "<!-- end -->"


def tables(page: Path) -> dict[str, str]:
    """Return each table of a page by the name of the mark that precedes it."""
    if page == DETECTION:
        return {"scores": _table("--score", score_summaries())}
    recipes = {name: recipe_purpose(name) for name in recipe_names()}
    return {"commands": _command_table(), "data": _data_table(), "recipes": _table("--recipe", recipes)}


def with_tables(page: Path) -> str:
    """Return the content of a page with the text between the marks replaced."""
    content = page.read_text("utf-8")
    for name, table in tables(page).items():
        begin = f"<!-- {name} -->"
        before, rest = content.split(begin)
        _, after = rest.split(END, 1)
        content = f"{before}{begin}\n\n{table}\n\n{END}{after}"
    return content


def _command_table() -> str:
    program: Any = typer.main.get_command(app)
    rows = [
        f"| [aecli {name}](examples/REFERENCE.md#aecli-{name}) | {command.help} |"
        for name, command in program.commands.items()
    ]
    return "\n".join(["| command | |", "| --- | --- |", *rows])


def _data_table() -> str:
    names = " ".join(f"`{name}`" for name in registry().named)
    rows = [f"| {kind.kind} | {kind.summary} |".replace("*", r"\*") for kind in registry().path_kinds]
    return "\n".join(["| DATA | |", "| --- | --- |", *rows, f"| a name | {names} |"])


def _table(option: str, purposes: Mapping[str, str]) -> str:
    rows = [f"| `{name}` | {purpose} |" for name, purpose in purposes.items()]
    return "\n".join([f"| `{option}` | |", "| --- | --- |", *rows])


if __name__ == "__main__":
    for each in (README, DETECTION):
        each.write_text(with_tables(each), encoding="utf-8")
