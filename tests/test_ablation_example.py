import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ABLATION = Path(__file__).parent.parent / "examples" / "ablation"


def make(*words: str | Path) -> str:
    command = ["make", "--no-print-directory", "--directory", str(ABLATION), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_the_ablation_makes_its_table_once(tmp_path):
    words = (f"AECLI={sys.executable} -m aecli", f"PYTHON={sys.executable}", "DATA=digits", "EPOCHS=1", "LABELS=50")
    words = (*words, "ROWS=conv warps+noise", f"OUT={tmp_path}", "-j2")
    make(*words)
    table = (tmp_path / "ablation.md").read_text("utf-8")
    assert "1-NN accuracy with 50 labelled images of digits:train" in table
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| 0\.(\d{3}) \| 0\.\d{3} to 0\.\d{3} \|$", table, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["no training: raw pixels", "conv", "warps + noise"]
    assert len({accuracy for *_, accuracy in rows}) == 3
    assert "Nothing to be done" in make(*words)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_every_row_is_another_training(tmp_path):
    commands = re.findall(r"^\S+ train .*$", make("--dry-run", f"OUT={tmp_path}", "AECLI=aecli"), re.MULTILINE)
    assert len(commands) == 9
    settings = [command.partition("-o")[0] for command in commands]
    assert len(set(settings)) == 9
    assert sum("--set" not in words for words in settings) == 2
