import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_photographs_are_inspected(make_example: Callable[..., Any], tmp_path: Path) -> None:
    words = (f"OUT={tmp_path}", "PIECES=100", "RECIPE=conv", "TRAIN=--epochs 2 --set model.image_size=32")
    make_example("inspection", *words)
    verdicts = [line.split("\t") for line in (tmp_path / "verdicts.tsv").read_text("utf-8").splitlines()]
    assert len(verdicts) == 20
    anomalies = (tmp_path / "anomalies.tsv").read_text("utf-8").splitlines()
    assert len(anomalies) == sum(row[3] == "anomaly" for row in verdicts)
    assert len(list((tmp_path / "heatmaps").iterdir())) == len(anomalies)
    assert "Nothing to be done" in make_example("inspection", *words)


def test_own_folders_are_inspected_and_a_damaged_picture_stops_nothing(
    make_example: Callable[..., Any], tmp_path: Path, pictures: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for copy in range(20):  # as many as a threshold takes
        for picture in pictures.rglob("*.png"):
            shutil.copy(picture, own / f"{copy}-{picture.name}")
    (own / "damaged.png").write_bytes(b"damaged")
    words = (f"OUT={tmp_path / 'out'}", f"NORMAL={own}", f"INCOMING={own}", "RECIPE=conv", "TRAIN=--epochs 1")
    make_example("inspection", *words)
    verdicts = (tmp_path / "out" / "verdicts.tsv").read_text("utf-8").splitlines()
    assert len(verdicts) == 120
    assert all(line.split("\t")[4] == "" for line in verdicts)  # no anomaly is known: no probability
