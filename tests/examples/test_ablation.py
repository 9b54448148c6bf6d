"""examples/ablation: the table of ingredients, the choice of settings, and the final accuracy."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aecli.codes import Codes, CodesMeta, save_codes
from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.long

ABLATION = Path(__file__).parents[2] / "examples" / "ablation"
META = CodesMeta("sha256:aa", "digits:train", "sha256:bb")


def test_the_table_is_made_once(make_example: MakeExample, tmp_path: Path) -> None:
    words = ("DATA=digits", "EPOCHS=1", "LABELS=50", "ROWS=conv affine+elastic+noise", f"OUT={tmp_path}", "-j2")
    make_example("ablation", *words)
    table = (tmp_path / "ablation.md").read_text("utf-8")
    assert "with 50 labeled images of digits:train" in table
    accuracy = r" (0\.\d{3}) \(0\.\d{3} to 0\.\d{3}\) \|"
    rows = re.findall(rf"^\| ([^|]+) \| (\d+) \|{3 * accuracy}$", table, re.MULTILINE)
    assert [name for name, *_ in rows] == ["no training: raw pixels", "conv", "affine + elastic + noise"]
    assert len({tuple(values) for _, _, *values in rows}) == 3
    assert "Nothing to be done" in make_example("ablation", *words)


def test_each_row_trains_with_different_settings(make_example: MakeExample, tmp_path: Path) -> None:
    commands = re.findall(
        r"^.* aecli train .*$", make_example("ablation", "--dry-run", f"OUT={tmp_path}"), re.MULTILINE
    )
    settings = [command.partition(" -o ")[0] for command in commands]
    rows = re.search(r"^ROWS +\?= ((?:.*\\\n)*.*)$", (ABLATION / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert rows is not None
    assert len(set(settings)) == len(commands) == len(rows[1].replace("\\", "").split())
    assert sum("--set" not in words for words in settings) == 2


def test_choose_trains_each_setting_with_each_seed(make_example: MakeExample, tmp_path: Path) -> None:
    words = (f"OUT={tmp_path}", "STRENGTHS=0 22.5", "ELASTIC=0 0.05", "RATES=0.001", "SEEDS=1")
    commands = make_example("ablation", "--dry-run", "choose", *words).replace("\\\n", "")
    trained = re.findall(r"rotation=(\S+) .*scale=(\S+) .*shear=(\S+) .*seed 1 ", commands)
    assert [tuple(map(float, values)) for values in trained] == [(0, 0, 0), (22.5, 0.225, 22.5)]
    assert re.findall(r"--set corruption.elastic=(\S+) --seed 1 ", commands) == ["0", "0.05"]
    assert re.findall(r"combined +--lr (\S+) --seed 1 ", commands) == ["0.001"]


def test_final_trains_the_recipe_with_each_seed(make_example: MakeExample, tmp_path: Path) -> None:
    make_example("ablation", "final", "DATA=digits", "EPOCHS=1", "FINAL_SEEDS=0 1", f"OUT={tmp_path}", "-j2")
    table = (tmp_path / "final.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| \d+ s \| (0\.\d{4}) \| 0\.\d{4} \| 0\.\d{4} \|$", table, re.MULTILINE)
    assert [name for name, _ in rows] == ["0", "1", "mean"]
    first, second, average = (float(accuracy) for _, accuracy in rows)
    assert first != second
    assert abs(average - (first + second) / 2) < 1e-4


def test_stability_prefers_codes_that_form_clusters(warm: str, conv_run: Path, tmp_path: Path) -> None:
    files = []
    for name, spread in (("grouped-0", 0.01), ("grouped-1", 0.02), ("even-0", 10.0), ("even-1", 9.0)):
        random = np.random.default_rng(0)
        names = np.array([f"{row}" for row in range(400)])
        groups = random.normal(size=(4, 8))[random.integers(0, 4, 400)]
        values = (groups + spread * random.normal(size=groups.shape)).astype(np.float32)
        files.append(tmp_path / name / "codes.npz")
        shutil.copytree(conv_run, tmp_path / name / "run")
        save_codes(Codes(values, names, np.zeros(400, np.float32), META), files[-1])
    script = [*warm.split(), "python", str(ABLATION / "stability.py"), *map(str, files)]
    lines = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    grouped, even = ([float(cell) for cell in row.split("|")[2:4]] for row in lines[2:4])
    assert grouped[0] > even[0] + 0.2
    assert all(error > 0 for _, error in (grouped, even))
    assert lines[-1].endswith(": grouped.")
