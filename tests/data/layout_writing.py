"""Folders of images in the layouts that people have."""

from pathlib import Path

import numpy as np
from PIL import Image

SPLIT_NAMES = {"numbered": ("train", "test1"), "years": ("train2017", "val2017"), "valid": ("train", "valid")}
"""Roots and the names of their split folders."""


def write_mvtec(root: Path) -> Path:
    """Write a set as MVTec AD has them: 40 training images, 12 good and 10 broken test images, 10 masks, 2 texts."""
    random = np.random.default_rng(0)
    counts = {"train/good": 40, "test/good": 12, "test/broken": 10, "ground_truth/broken": 10}
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True)
        for index in range(count):
            waves = 120 + 60 * np.sin(np.arange(32) / 3)[None] + random.normal(0, 8, (32, 32))
            image = np.zeros((32, 32)) if folder.startswith("ground") else waves.clip(0, 255)
            if folder.endswith("broken"):
                image[10:16, 8:20] = 255
            ending = "_mask" if folder.startswith("ground") else ""
            Image.fromarray(image.astype(np.uint8)).save(root / folder / f"{index:03}{ending}.png")
    (root / "license.txt").write_text("CC")
    (root / "readme.txt").write_text("hi")
    return root


def write_split_names(root: Path) -> Path:
    """Write `SPLIT_NAMES` below a folder: in each split, 12 images of `cat` and of `dog`."""
    random = np.random.default_rng(0)
    for name, splits in SPLIT_NAMES.items():
        for folder in (root / name / split / label for split in splits for label in ("cat", "dog")):
            folder.mkdir(parents=True)
            for index in range(12):
                Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{index}.png")
    return root
