"""The README, the generated reference and the changelog agree with the code."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import aecli
from aecli.cli.app import app
from aecli.cli.reference import reference
from aecli.recipes.loading import recipe_names
from aecli.recipes.schema import recipe_keys

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (ROOT / "examples" / "REFERENCE.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("examples/**/*.md"))]


def test_the_reference_is_up_to_date() -> None:
    assert reference() == REFERENCE, "run: make reference"


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_every_command_is_documented(command: Any) -> None:
    assert f"### aecli {command.name}\n" in REFERENCE
    assert re.search(rf"aecli {command.name}\b", README)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_documented(name: str) -> None:
    assert f"| `{name}` |" in REFERENCE
    assert f"`{name}`" in README


@pytest.mark.parametrize("key", recipe_keys())
def test_every_recipe_key_is_documented(key: str) -> None:
    assert f"| `{key}` |" in REFERENCE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    targets = re.findall(r"]\(([^)#]+)\)", page.read_text("utf-8"))
    for target in targets:
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_of_links_are_headings(page: Path) -> None:
    for target, anchor in re.findall(r"]\(([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_readme_lead_to_the_repository_from_the_page_of_the_package() -> None:
    hooks = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    text = README
    for each in hooks["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    targets = re.findall(r"(!?)\[[^]]*]\(([^)]+)\)", text)
    assert len(targets) == len(re.findall(r"]\(", README)) > 20
    for is_image, target in targets:
        if path := re.match(r"https://(github|raw)[^#]*/main/([^#]+)", target):
            assert (ROOT / path[2]).exists(), target
            assert (path[1] == "raw") == bool(is_image), target
        else:
            assert target.startswith("https://"), target


def test_the_changelog_names_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## \[(\d[^]]*)]", changelog, re.MULTILINE)[0] == aecli.__version__
