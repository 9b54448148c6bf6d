import re
from pathlib import Path

import pytest

import aecli
from aecli.cli.app import app
from aecli.cli.reference import with_reference
from aecli.recipes.loading import recipe_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_command_reference_is_up_to_date() -> None:
    assert with_reference(README) == README, "run: make reference"


def test_every_recipe_and_command_is_in_the_readme() -> None:
    for name in recipe_names():
        assert f"| `{name}` |" in README
    for command in app.registered_commands:
        assert f"### aecli {command.name}" in README


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("examples/*/README.md"))], ids=str)
def test_what_a_readme_shows_and_links_to_is_there(page: Path) -> None:
    targets = re.findall(r"]\(([^)#]+)\)", page.read_text("utf-8"))
    for target in targets:
        assert "://" in target or (page.parent / target).exists(), target


def test_the_changelog_names_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## \[([^]]+)]", changelog, re.MULTILINE).group(1) == aecli.__version__
