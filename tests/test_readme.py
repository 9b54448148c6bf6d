import re
from pathlib import Path

import aecli
from aecli.cli.app import app
from aecli.cli.reference import with_reference
from aecli.recipe import recipe_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_command_reference_is_up_to_date():
    assert with_reference(README) == README, "run: make reference"


def test_every_recipe_and_command_is_in_the_readme():
    for name in recipe_names():
        assert f"| `{name}` |" in README
    for command in app.registered_commands:
        assert f"### aecli {command.name}" in README


def test_pictures_that_the_readme_shows_are_there():
    pictures = re.findall(r"!\[[^]]+]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file()


def test_the_changelog_names_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## \[([^]]+)]", changelog, re.MULTILINE).group(1) == aecli.__version__
