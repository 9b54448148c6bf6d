"""examples/archive: pieces of photographs are compressed, restored and compared, with a tiny codec."""

from pathlib import Path

import pytest

from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.long


def test_the_pieces_return(make_example: MakeExample, tmp_path: Path) -> None:
    tiny = "model.arguments={coefficients=8, encoder=[4, 4], decoder=[4, 4, 4]}"
    train = f"TRAIN=--set training.crop=32 --set training.steps=8 --set penalty.rate_prior_steps=4 --set '{tiny}'"
    words = (f"OUT={tmp_path / 'out'}", "COUNT=8", train)
    make_example("archive", *words)
    out = tmp_path / "out"
    rows = [line.split("\t") for line in (out / "compared.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == [
        "flower/000.png",
        "flower/001.png",
        "temple/000.png",
        "temple/001.png",
        "4 images",
    ]
    assert all(int(row[2]) < int(row[1]) and float(row[3]) > 10 for row in rows)
    assert "JPEG" in (out / "report.txt").read_text()
    assert "Nothing to be done" in make_example("archive", *words)
