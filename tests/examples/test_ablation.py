import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aecli.codes import Codes, CodesMeta, save_codes

ABLATION = Path(__file__).parents[2] / "examples" / "ablation"
META = CodesMeta("sha256:aa", "digits:train", "sha256:bb")


def test_the_ablation_makes_its_table_once(make_example: Callable[..., Any], tmp_path: Path) -> None:
    words = ("DATA=digits", "EPOCHS=1", "LABELS=50", "ROWS=conv warps+noise", f"OUT={tmp_path}", "-j2")
    make_example("ablation", *words)
    table = (tmp_path / "ablation.md").read_text("utf-8")
    assert "1-NN accuracy with 50 labeled images of digits:train" in table
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| 0\.(\d{3}) \| 0\.\d{3} to 0\.\d{3} \|$", table, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["no training: raw pixels", "conv", "warps + noise"]
    assert len({accuracy for *_, accuracy in rows}) == 3
    assert "Nothing to be done" in make_example("ablation", *words)


def test_every_row_is_another_training(make_example: Callable[..., Any], tmp_path: Path) -> None:
    commands = re.findall(
        r"^.* aecli train .*$", make_example("ablation", "--dry-run", f"OUT={tmp_path}"), re.MULTILINE
    )
    assert len(commands) == 9
    settings = [command.partition(" -o ")[0] for command in commands]
    assert len(set(settings)) == 9
    assert sum("--set" not in words for words in settings) == 2


def test_warps_and_rate_are_tried_by_seed(make_example: Callable[..., Any], tmp_path: Path) -> None:
    words = (f"OUT={tmp_path}", "STRENGTHS=0 22.5", "RATES=0.001", "SEEDS=1")
    commands = make_example("ablation", "--dry-run", "choose", *words).replace("\\\n", "")
    trained = re.findall(r"rotation=(\S+) .*scale=(\S+) .*shear=(\S+) .*seed 1 ", commands)
    assert [tuple(map(float, values)) for values in trained] == [(0, 0, 0), (22.5, 0.225, 22.5)]
    assert re.findall(r"combined +--lr (\S+) --seed 1 ", commands) == ["0.001"]


def test_a_choice_goes_by_clusters_that_are_found_again(conv_run: Path, tmp_path: Path) -> None:
    files = []
    for name, spread in (("grouped-0", 0.01), ("grouped-1", 0.02), ("even-0", 10.0), ("even-1", 9.0)):
        random = np.random.default_rng(0)
        names = np.array([f"{row}" for row in range(400)])
        groups = random.normal(size=(4, 8))[random.integers(0, 4, 400)]
        values = (groups + spread * random.normal(size=groups.shape)).astype(np.float32)
        files.append(tmp_path / name / "codes.npz")
        shutil.copytree(conv_run, tmp_path / name / "run")
        save_codes(Codes(values, names, np.zeros(400, np.float32), META), files[-1])
    script = [sys.executable, ABLATION / "stability.py", *files]
    said = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    grouped, even = ([float(cell) for cell in row.split("|")[2:4]] for row in said[2:4])
    assert grouped[0] > even[0] + 0.2
    assert all(error > 0 for _, error in (grouped, even))
    assert said[-1] == "Within a standard error of the best: grouped."
