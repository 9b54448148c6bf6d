"""Draw pieces of the two photographs that scikit-learn ships: `photographs.py COUNT FOLDER`.

FOLDER/flower and FOLDER/temple get COUNT pieces each, cut at random places and sizes, mirrored or not;
FOLDER/incoming a tenth as many of both, called by what they are.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

SIDE = 64
SMALLEST, LARGEST = 96, 224


def draw(photograph: np.ndarray, random: np.random.Generator) -> Image.Image:
    height, width, _ = photograph.shape
    side = int(random.integers(SMALLEST, LARGEST))
    top, left = random.integers(0, height - side), random.integers(0, width - side)
    piece = photograph[top : top + side, left : left + side]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(piece)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main(count: int, folder: Path) -> None:
    temple, flower = load_sample_images().images
    random = np.random.default_rng(0)
    for name, photograph in (("flower", flower), ("temple", temple)):
        for where, pieces in ((folder / name, count), (folder / "incoming", max(1, count // 10))):
            where.mkdir(parents=True, exist_ok=True)
            for index in range(pieces):
                draw(photograph, random).save(where / f"{name}-{index:04}.jpg", quality=92)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
