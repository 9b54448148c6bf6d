"""CONTRIBUTING.md shows the layers as they are, and names files that exist."""

import re
from pathlib import Path

import pytest

from tests.rules.layers_diagram import CONTRIBUTING, with_diagram

ROOT = Path(__file__).parents[2]
PATHS = sorted(set(re.findall(r"`((?:aecli|tests|examples)/[\w./-]+)`", CONTRIBUTING.read_text("utf-8"))))


def test_the_diagram_of_layers_is_up_to_date() -> None:
    page = CONTRIBUTING.read_text("utf-8")
    assert with_diagram(page) == page, "run: python -m tests.rules.layers_diagram"


@pytest.mark.parametrize("path", PATHS)
def test_the_paths_exist(path: str) -> None:
    folder, _, is_new = path.partition("/NAME.")
    assert (ROOT / (folder if is_new else path)).exists()
