"""Generate the tables of the README from the registries: `python -m tests.rules.readme_tables` rewrites them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from aecli.cli.app import app
from aecli.data.registry import registry
from aecli.detection.scores import score_summaries
from aecli.recipes.loading import recipe_names, recipe_purpose

README = Path(__file__).parents[2] / "README.md"
END = "<!-- end -->"


def tables() -> dict[str, str]:
    """Return each table by the name of the mark that precedes it."""
    return {
        "commands": _command_table(),
        "data": _data_table(),
        "recipes": _table("--recipe", {name: recipe_purpose(name) for name in recipe_names()}),
        "scores": _table("--score", score_summaries()),
    }


def with_tables(page: str) -> str:
    """Return the page with the text between the marks replaced."""
    for name, table in tables().items():
        begin = f"<!-- {name} -->"
        before, rest = page.split(begin)
        _, after = rest.split(END, 1)
        page = f"{before}{begin}\n\n{table}\n\n{END}{after}"
    return page


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
    README.write_text(with_tables(README.read_text("utf-8")), encoding="utf-8")
