"""The tables of the README are those of the registries, and its example is the recorded one."""

import re

import pytest

from aecli.detection.scores import score_summaries
from aecli.recipes.loading import recipe_names, recipe_purpose
from tests.rules.readme_tables import README, with_tables

TEXT = README.read_text("utf-8")
HINT = "run: python -m tests.rules.readme_tables"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_a_row_with_its_purpose(name: str) -> None:
    assert f"| `{name}` | {recipe_purpose(name)} |" in TEXT, HINT


@pytest.mark.parametrize(("name", "summary"), score_summaries().items())
def test_every_score_has_a_row_with_its_summary(name: str, summary: str) -> None:
    assert f"| `{name}` | {summary} |" in TEXT, HINT


def test_the_tables_have_no_other_rows() -> None:
    assert with_tables(TEXT) == TEXT, HINT


def test_the_example_is_the_recorded_session() -> None:
    svg = (README.parent / "examples" / "terminal" / "session.svg").read_text("utf-8")
    recorded = re.findall(r"\$ (aecli [^<]*)<", svg.replace("&#160;", " "))
    shown = re.findall(r"^\$ (aecli .*)$", TEXT, re.MULTILINE)
    assert shown[: len(recorded)] == recorded
