import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DETECTION = Path(__file__).parent.parent / "examples" / "detection"


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_the_table_of_scores_is_made_once(tmp_path):
    words = (
        *("make", "--no-print-directory", "--directory", str(DETECTION), f"OUT={tmp_path}"),
        *(f"AECLI={sys.executable} -m aecli", f"PYTHON={sys.executable}", "NORMAL=digits", "OTHER=letters"),
        *("PAIRS=normal-other", "EPOCHS=2", "CLASS_EPOCHS=2", "CLASSES=3"),
    )

    def make() -> str:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    make()
    rows = (tmp_path / "detection.md").read_text("utf-8").splitlines()[2:]
    assert [re.findall(r"[^|]+", row)[0].strip() for row in rows] == [
        "digits:test",
        "digits:test@3",
    ]
    for row in rows:
        areas = [float(cell) for cell in re.findall(r"[01]\.\d{4}", row)]
        assert len(areas) == 6
        assert all(0 <= area <= 1 for area in areas)
    assert "Nothing to be done" in make()
