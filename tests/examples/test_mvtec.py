"""examples/mvtec: the table of categories, on a small set that is drawn here."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.detection.drawn_defects import draw_each
from tests.examples.conftest import MakeExample
from tests.tiny_backbone import SETTINGS

pytestmark = pytest.mark.long

SIDE = 64
NORMAL = {"train/good": 20, "test/good": 12}
"""Folders of normal images, and how many they hold."""
DEFECTS = {"block": 6, "scratch": 6}


def photographs(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return aligned color images with some noise, (N, 3, SIDE, SIDE)."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    scene = np.stack([rows * 2, columns * 2, rows + columns]) + 40
    return (scene + random.normal(0, 10, (count, *scene.shape))).clip(0, 255).astype(np.uint8)


def save(pixels: NDArray[np.generic], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_category(root: Path, seed: int) -> None:
    """Write a category in the layout of MVTec AD, with drawn defects and their masks."""
    random = np.random.default_rng(seed)
    for folder, count in NORMAL.items():
        for index, image in enumerate(photographs(count, random)):
            save(image.transpose(1, 2, 0).copy(), root / folder / f"{index:03}.png")
    for kind, count in DEFECTS.items():
        images, masks = draw_each(kind, photographs(count, random), seed)
        for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
            save(image.transpose(1, 2, 0).copy(), root / "test" / kind / f"{index:03}.png")
            save(mask, root / "ground_truth" / kind / f"{index:03}_mask.png")


def test_the_table_has_a_row_for_each_category(
    make_example: MakeExample, backbone_weights: Path, tmp_path: Path
) -> None:
    for seed, category in enumerate(("grid", "tile")):
        write_category(tmp_path / "data" / category, seed)
    settings = " ".join(f"--set model.arguments.{key}={value}" for key, value in SETTINGS.items())
    words = (
        *(f"DATA={tmp_path / 'data'}", f"OUT={tmp_path / 'out'}", f"WEIGHTS={backbone_weights}"),
        f"TRAIN=--set model.image_size={SIDE} --device cpu {settings}",
    )
    make_example("mvtec", *words)
    head, _, *rows = (tmp_path / "out" / "mvtec.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [name.strip() for name in head.split("|")[5:10]] == [
        *("image AUROC", "image F1-max", "pixel AUROC", "AUPRO", "pixel F1-max"),
    ]
    assert [(row[0], row[1]) for row in cells] == [("grid", "position"), ("tile", "position"), ("mean", "")]
    numbers = np.array([[float(cell) for cell in row[4:9]] for row in cells])
    assert 0 < numbers.min() < numbers.max() <= 1
    assert numbers[:, 2].min() > 0.6, "pixels of drawn blocks have larger scores, also with random weights"
    assert numbers[2] == pytest.approx(numbers[:2].mean(axis=0), abs=0.001)
    assert "Nothing to be done" in make_example("mvtec", *words)


def test_a_folder_without_categories_is_refused(make_example: MakeExample, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no category"):
        make_example("mvtec", f"DATA={tmp_path}", f"OUT={tmp_path / 'out'}")


def test_score_recipe_and_categories_can_be_chosen(make_example: MakeExample, tmp_path: Path) -> None:
    words = ("CATEGORIES=bottle", "RECIPE=photos", "SCORE=local", "TRAIN=--epochs 3", f"OUT={tmp_path}")
    commands = make_example("mvtec", "--dry-run", "DATA=data", *words)
    assert "train data/bottle:train --recipe photos  --epochs 3" in commands
    assert "--data data/bottle --score local" in commands
    assert "--init-from" not in commands
