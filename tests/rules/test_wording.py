"""Texts are plain American English, without archaic words and British spellings; lines of prose are short enough."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def is_output(folders: tuple[str, ...]) -> bool:
    """Return whether a file is of the environment, or was written by make: into demo/, lab/, out/ or quick-out/."""
    written = any(folder == "out" or folder.endswith("-out") for folder in folders)
    return written or folders[:1] in ((".venv",), ("demo",), ("lab",), ("bench",))


PAGES = sorted(
    page
    for pattern in ("aecli/**/*.py", "aecli/**/*.toml", "tests/**/*.py", "examples/**/*.py", "**/*.md", ".github/*.md")
    for page in ROOT.glob(pattern)
    if not is_output(page.relative_to(ROOT).parts[:-1]) and page != Path(__file__)
)
MARKDOWN = sorted({page for page in PAGES if page.suffix == ".md"})
LINE_LENGTH = int(re.findall(r"^max_line_length = (\d+)$", (ROOT / ".editorconfig").read_text(), re.MULTILINE)[0])
WHOLE_LINES = re.compile(r" *(\||!?\[[^]]*]\([^)]*\)$)")
"""Rows of tables, and lines that are one image or one link, which cannot be divided."""
ARCHAIC = r"told|begun|heed|heeded|for ever|hither|whereof"
BRITISH = r"\w*(?:colour|neighbour|behaviour|normalis|quantis|initialis|regularis|labelled)\w*|grey|centre[ds]?"
UNCLEAR = r"any more|judged|(?<!there )(?:is|are|was|were) no (?!better|larger|longer|more)\w+"
"""Words for which there is a plain one: "anymore" or "no longer", "scored" or "measured", "is not a"."""
FORMER_NAMES = {"neighbours", "quantisers", "--neighbours"}
"""Names of options and keys of version 0.1, which are still read."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_wording(page: Path) -> None:
    text = page.read_text("utf-8")
    found = {word.group() for word in re.finditer(rf"\b({ARCHAIC}|{BRITISH}|{UNCLEAR})\b", text, re.IGNORECASE)}
    assert not found - FORMER_NAMES


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_prose_are_not_too_long(page: Path) -> None:
    text = re.sub(r"^( *```).*?^\1$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)  # code blocks
    assert not [line for line in text.splitlines() if len(line) > LINE_LENGTH and not WHOLE_LINES.match(line)]


def test_the_word_laboratory_belongs_to_its_example() -> None:
    pages = [page for page in PAGES if "aecli" in page.relative_to(ROOT).parts[:1] or page == ROOT / "README.md"]
    assert not [page for page in pages if "laborator" in page.read_text("utf-8").lower()]
