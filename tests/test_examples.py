import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parent.parent / "examples" / "pipeline"
TARGETS = (
    *("test-codes.npz", "train-codes.npz", "test-decoded.png", "test-codes-8bit.npz", "test-decoded-8bit.png"),
    *("tsne.png", "knn-probe.tsv", "knn-probe.png", "compression.tsv", "compression.png"),
    *("calibration.tsv", "calibration.png", "detector.safetensors", "anomalies.tsv"),
)


def make(out: Path) -> str:
    words = [
        *("make", "--no-print-directory", "--directory", str(PIPELINE)),
        *(f"AECLI={sys.executable} -m aecli", "DATA=digits", "TRAIN=--epochs 2", f"OUT={out}"),
    ]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_the_pipeline_makes_every_file_once_and_again_when_the_model_changes(tmp_path):
    make(tmp_path)
    made = {name: (tmp_path / name).stat().st_mtime_ns for name in TARGETS}

    assert "Nothing to be done" in make(tmp_path)

    model = tmp_path / "run" / "model.safetensors"
    later = max(made.values()) + 10**9
    os.utime(model, ns=(later, later))
    make(tmp_path)
    assert all((tmp_path / name).stat().st_mtime_ns > before for name, before in made.items())
