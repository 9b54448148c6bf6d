"""Crop the two photographs that scikit-learn ships: `photographs.py COUNT FOLDER`.

Writes COUNT crops each to FOLDER/flower and FOLDER/temple, at random positions and sizes, randomly mirrored, and a
tenth as many of both to FOLDER/incoming, where the file names hold the subject.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

SIDE = 64
SMALLEST, LARGEST = 96, 224


def crop(photograph: NDArray[Any], random: np.random.Generator) -> Image.Image:
    """Return a random square of the photograph (H, W, 3), resized to 64x64."""
    height, width, _ = photograph.shape
    side = int(random.integers(SMALLEST, LARGEST))
    top, left = random.integers(0, height - side), random.integers(0, width - side)
    piece = photograph[top : top + side, left : left + side]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(piece)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main(count: int, folder: Path) -> None:
    """Write the crops; the same count gives the same files."""
    temple, flower = load_sample_images().images
    random = np.random.default_rng(0)
    for name, photograph in (("flower", flower), ("temple", temple)):
        for target, crops in ((folder / name, count), (folder / "incoming", max(1, count // 10))):
            target.mkdir(parents=True, exist_ok=True)
            for index in range(crops):
                crop(photograph, random).save(target / f"{name}-{index:04}.jpg", quality=92)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
