"""examples/detection: the table of scores."""

import re
from pathlib import Path

import pytest

from aecli.detection.scores import score_names
from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.long


def test_the_table_is_made_once(make_example: MakeExample, few_letters: Path, tmp_path: Path) -> None:
    words = (
        *(f"OUT={tmp_path}", "NORMAL=digits", f"OTHER={few_letters}"),
        *("PAIRS=normal-other", "EPOCHS=2", "CLASS_EPOCHS=2", "CLASSES=3"),
    )
    make_example("detection", *words)
    rows = (tmp_path / "detection.md").read_text("utf-8").splitlines()[2:]
    assert [re.findall(r"[^|]+", row)[0].strip() for row in rows] == [
        "digits:test",
        "digits:test@3",
    ]
    for row in rows:
        areas = [float(cell) for cell in re.findall(r"[01]\.\d{4}", row)]
        assert len(areas) == len(score_names())
        assert all(0 <= area <= 1 for area in areas)
    assert "Nothing to be done" in make_example("detection", *words)
