"""The tables of the pages are those of the registries, and the README's example is the recorded one."""

import re
from pathlib import Path

import pytest

from aecli.detection.scores import score_summaries
from aecli.recipes.loading import recipe_names, recipe_purpose
from tests.rules.readme_tables import DETECTION, README, with_tables

TEXT = README.read_text("utf-8")
HINT = "run: python -m tests.rules.readme_tables"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_a_row_with_its_purpose(name: str) -> None:
    assert f"| `{name}` | {recipe_purpose(name)} |" in TEXT, HINT


@pytest.mark.parametrize(("name", "summary"), score_summaries().items())
def test_every_score_has_a_row_with_its_summary(name: str, summary: str) -> None:
    assert f"| `{name}` | {summary} |" in DETECTION.read_text("utf-8"), HINT


@pytest.mark.parametrize("page", [README, DETECTION], ids=lambda page: page.parent.name)
def test_the_tables_have_no_other_rows(page: Path) -> None:
    assert with_tables(page) == page.read_text("utf-8"), HINT


def test_the_example_is_the_recorded_session() -> None:
    svg = (README.parent / "examples" / "terminal" / "session.svg").read_text("utf-8")
    recorded = re.findall(r"\$ (aecli [^<]*)<", svg.replace("&#160;", " "))
    shown = re.findall(r"^\$ (aecli .*)$", TEXT, re.MULTILINE)
    assert shown[: len(recorded)] == recorded
