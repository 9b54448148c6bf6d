"""examples/pipeline: files are made once, and again if the model changes."""

import os
from pathlib import Path

import pytest

from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.slow

TARGETS = (
    *("test-codes.npz", "train-codes.npz", "test-decoded.png", "test-codes-8bit.npz", "test-decoded-8bit.png"),
    *("tsne.png", "knn-probe.tsv", "knn-probe.png", "compression.tsv", "compression.png"),
    *("calibration.tsv", "calibration.png", "detector.safetensors", "verdicts.tsv", "report.html"),
)


def test_each_file_is_made_once_and_again_if_the_model_changes(
    make_example: MakeExample, few_letters: Path, tmp_path: Path
) -> None:
    words = ("DATA=digits", f"OTHER={few_letters}", "TRAIN=--epochs 2", f"OUT={tmp_path}")
    make_example("pipeline", *words)
    made = [(tmp_path / name).stat().st_mtime_ns for name in TARGETS]

    assert "Nothing to be done" in make_example("pipeline", *words)

    later = max(made) + 10**9
    os.utime(tmp_path / "run" / "model.safetensors", ns=(later, later))
    again = make_example("pipeline", "--dry-run", *words)
    assert [name for name in TARGETS if f"{tmp_path}/{name}" not in again] == []
    assert " train " not in again
