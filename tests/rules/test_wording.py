"""Texts are plain American English: archaic words and British spellings do not come back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("aecli/**/*.py", "aecli/**/*.toml", "tests/**/*.py", "examples/**/*.py", "**/*.md", ".github/*.md")
    for page in ROOT.glob(pattern)
    if not {".venv", "lab", "demo", "out"} & set(page.relative_to(ROOT).parts[:-1]) - {"lab"} and page != Path(__file__)
)
ARCHAIC = r"told|begun|heed|heeded|for ever|hither|whereof"
BRITISH = r"\w*(?:colour|neighbour|behaviour|normalis|quantis|initialis|regularis|labelled)\w*|grey|centre[ds]?"
FORMER_NAMES = {"neighbours", "quantisers", "--neighbours"}
"""Names of options and keys of version 0.1, which are still read."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_wording(page: Path) -> None:
    text = page.read_text("utf-8")
    found = {word.group() for word in re.finditer(rf"\b({ARCHAIC}|{BRITISH})\b", text, re.IGNORECASE)}
    assert not found - FORMER_NAMES


def test_the_word_laboratory_belongs_to_its_example() -> None:
    pages = [page for page in PAGES if "aecli" in page.relative_to(ROOT).parts[:1] or page == ROOT / "README.md"]
    assert not [page for page in pages if "laborator" in page.read_text("utf-8").lower()]
