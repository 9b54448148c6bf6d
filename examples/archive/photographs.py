"""Cut the two photographs that scikit-learn ships into pieces: `photographs.py COUNT FOLDER`.

Writes COUNT pieces of the left two thirds of each photograph to FOLDER/train/flower and FOLDER/train/temple, and a
quarter as many pieces of the rest, of other sizes, to FOLDER/new/flower and FOLDER/new/temple.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

TRAINING = 2 / 3
"""Part of the width that training pieces come from."""
SMALLEST, LARGEST = 96, 200


def piece(photograph: NDArray[Any], random: np.random.Generator) -> Image.Image:
    """Return a random rectangle of a photograph, (H, W, 3)."""
    height, width = random.integers(SMALLEST, LARGEST + 1, 2)
    top = int(random.integers(0, photograph.shape[0] - height + 1))
    left = int(random.integers(0, photograph.shape[1] - width + 1))
    return Image.fromarray(np.ascontiguousarray(photograph[top : top + height, left : left + width]))


def main(count: int, folder: Path) -> None:
    """Write the pieces; the same count gives the same files."""
    temple, flower = load_sample_images().images
    random = np.random.default_rng(0)
    for name, photograph in (("flower", flower), ("temple", temple)):
        border = round(TRAINING * photograph.shape[1])
        parts = {"train": (photograph[:, :border], count), "new": (photograph[:, border:], max(1, count // 4))}
        for part, (pixels, pieces) in parts.items():
            target = folder / part / name
            target.mkdir(parents=True, exist_ok=True)
            for index in range(pieces):
                piece(pixels, random).save(target / f"{index:03}.png")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
