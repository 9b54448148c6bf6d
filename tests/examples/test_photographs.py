"""examples/inspection: the shipped photographs, and the user's own folder."""

import shutil
from pathlib import Path

import pytest

from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_the_shipped_photographs(make_example: MakeExample, tmp_path: Path) -> None:
    words = (f"OUT={tmp_path}", "CROPS=100", "RECIPE=conv", "TRAIN=--epochs 2 --set model.image_size=32")
    make_example("inspection", *words)
    _, *verdicts = [line.split("\t") for line in (tmp_path / "verdicts.tsv").read_text("utf-8").splitlines()]
    assert len(verdicts) == 20
    anomalies = (tmp_path / "anomalies.tsv").read_text("utf-8").splitlines()
    assert len(anomalies) == sum(row[3] == "anomaly" for row in verdicts)
    assert len(list((tmp_path / "heatmaps").iterdir())) == len(anomalies)
    assert "Nothing to be done" in make_example("inspection", *words)


def test_own_folder_with_a_damaged_image(make_example: MakeExample, tmp_path: Path, image_folder: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for copy in range(20):  # enough images for a threshold
        for file in image_folder.rglob("*.png"):
            shutil.copy(file, own / f"{copy}-{file.name}")
    (own / "damaged.png").write_bytes(b"damaged")
    words = (f"OUT={tmp_path / 'out'}", f"NORMAL={own}", f"INCOMING={own}", "RECIPE=conv", "TRAIN=--epochs 1")
    make_example("inspection", *words)
    _, *verdicts = (tmp_path / "out" / "verdicts.tsv").read_text("utf-8").splitlines()
    assert len(verdicts) == 120
    assert all(len(line.split("\t")) == 4 for line in verdicts)  # no probability without known anomalies
