import os
from collections.abc import Callable

TARGETS = (
    *("test-codes.npz", "train-codes.npz", "test-decoded.png", "test-codes-8bit.npz", "test-decoded-8bit.png"),
    *("tsne.png", "knn-probe.tsv", "knn-probe.png", "compression.tsv", "compression.png"),
    *("calibration.tsv", "calibration.png", "detector.safetensors", "anomalies.tsv"),
)


def test_the_pipeline_makes_every_file_once_and_again_when_the_model_changes(make_example: Callable, tmp_path):
    words = ("DATA=digits", "TRAIN=--epochs 2", f"OUT={tmp_path}")
    make_example("pipeline", *words)
    made = {name: (tmp_path / name).stat().st_mtime_ns for name in TARGETS}

    assert "Nothing to be done" in make_example("pipeline", *words)

    model = tmp_path / "run" / "model.safetensors"
    later = max(made.values()) + 10**9
    os.utime(model, ns=(later, later))
    make_example("pipeline", *words)
    assert all((tmp_path / name).stat().st_mtime_ns > before for name, before in made.items())
