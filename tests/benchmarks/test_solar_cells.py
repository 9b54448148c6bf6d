"""The splits of solar cells and the measures of separation."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.solar_cells import Cell, Split, separation, simple_scores, split

ROOT = Path("/cells")
CELLS: list[Cell] = [
    (f"{kind}{number}.png", probability, kind)
    for kind in ("mono", "poly")
    for number, probability in enumerate([0.0] * 10 + [1 / 3, 2 / 3, 1.0, 1.0])
]


@pytest.mark.parametrize(("kind", "kinds"), [("mono", 1), ("both", 2)])
def test_a_split_uses_each_certain_cell_once(kind: str, kinds: int) -> None:
    drawn = split(CELLS, ROOT, kind, 0)
    assert (len(drawn.train), len(drawn.normal), len(drawn.defect)) == (6 * kinds, 4 * kinds, 2 * kinds)
    assert len({*drawn.train, *drawn.normal, *drawn.defect}) == 12 * kinds
    other = split(CELLS, ROOT, kind, 1)
    assert drawn == split(CELLS, ROOT, kind, 0)
    assert drawn.train != other.train
    assert drawn.defect == other.defect


def test_both_joins_the_splits_of_the_kinds() -> None:
    both = split(CELLS, ROOT, "both", 2)
    assert {*both.train} == {*split(CELLS, ROOT, "mono", 2).train, *split(CELLS, ROOT, "poly", 2).train}


def test_separation_is_that_of_all_tested_files() -> None:
    tested = {"a": False, "b": False, "c": True, "d": True}
    perfect = separation({"a": 1, "b": 2, "c": 3, "d": 4}, tested)
    assert (perfect.auroc, perfect.average_precision, perfect.fpr95) == (1, 1, 0)
    half = separation({"a": 3.5, "b": 2, "c": 3, "d": 4}, tested)
    assert (half.auroc, half.fpr95) == (0.75, 0.5)
    with pytest.raises(RuntimeError, match="no score"):
        separation({"a": 1, "b": 2, "c": 3}, tested)


def test_simple_scores_see_darkness_and_spots(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    images = [draws.integers(120, 136, (64, 64), np.uint8) for _ in range(8)]
    images[6] = images[6] // 2
    images[7][20:24, 20:24] = 255
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    dark, largest, standardized = simple_scores(Split(tuple(paths[:5]), (paths[5],), tuple(paths[6:]))).values()
    assert max(dark, key=lambda name: dark[name]) == "6.png"
    assert largest["5.png"] < largest["7.png"]
    assert max(standardized, key=lambda name: standardized[name]) == "7.png"
