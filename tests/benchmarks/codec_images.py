"""The images of the codec benchmark: solar cells, color photographs in pieces, and images of odd sizes."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks.solar_cells import data_folder, read_cells

CELLS_TESTED, CELLS_TRAINED = 200, 2000
PIECE = 128
"""The side of a piece of a color photograph, in pixels."""
TEST_PIECES = 5
"""Every fifth piece of a photograph is tested."""
SCIKIT_IMAGE = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "rocket.jpg",
)
ODD_SIZES = ((1, 1), (33, 17), (1100, 1000))
"""(height, width)"""

Gray = NDArray[np.uint8]


def require_cells() -> None:
    """End the benchmark if the solar cells are not installed."""
    if find_spec("elpv_dataset") is None:
        sys.exit("not installed: pip install --no-deps elpv-dataset, or add its folder to PYTHONPATH")


def link_cells(folder: Path) -> Path:
    """Link solar cells in the order of `default_rng(0).permutation`; return the folder.

    Of the first 200, every other one is in `test`, and all are in `exact`; the next 2,000 are in `train`.
    """
    root = data_folder()
    paths = [root / path for path, _, _ in read_cells(root / "labels.csv")]
    order = np.random.default_rng(0).permutation(len(paths)).tolist()
    parts = {
        "test": order[:CELLS_TESTED:2],
        "exact": order[:CELLS_TESTED],
        "train": order[CELLS_TESTED : CELLS_TESTED + CELLS_TRAINED],
    }
    for part, indices in parts.items():
        if not (folder / part).exists():
            (folder / part).mkdir(parents=True)
            for index in indices:
                (folder / part / paths[index].name).symlink_to(paths[index])
    return folder


def write_pieces(folder: Path) -> Path:
    """Cut scikit-learn's and, if it is installed, scikit-image's color photographs into pieces; return the folder.

    Every fifth piece of each photograph is in `test`, the others in `train`. Pieces do not overlap.
    """
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, photograph in _photographs():
        pieces = [
            photograph[top : top + PIECE, left : left + PIECE]
            for top in range(0, photograph.shape[0] - PIECE + 1, PIECE)
            for left in range(0, photograph.shape[1] - PIECE + 1, PIECE)
        ]
        for number, piece in enumerate(pieces):
            part = "test" if number % TEST_PIECES == 2 else "train"
            Image.fromarray(piece).save(folder / part / f"{name}-{number:03}.png")
    return folder


def photograph_names() -> list[str]:
    """Return the names of the photographs that are cut into pieces."""
    return [name for name, _ in _photographs()]


def _photographs() -> list[tuple[str, NDArray[np.uint8]]]:
    from sklearn.datasets import load_sample_images

    found = list(zip(("china", "flower"), load_sample_images().images, strict=True))
    spec = find_spec("skimage")
    for root in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
        for name in SCIKIT_IMAGE:
            path = root / "data" / name
            if path.exists():
                with Image.open(path) as image:
                    found.append((path.stem, np.asarray(image.convert("RGB"))))
    return found


def odd_images(cells: Sequence[Path]) -> list[Gray]:
    """Return images of odd sizes, (1, H, W), cut from a mosaic of cells."""
    rows = []
    for start in range(0, 16, 4):
        row = []
        for path in cells[start : start + 4]:
            with Image.open(path) as image:
                row.append(np.asarray(image.convert("L")))
        rows.append(np.concatenate(row, axis=1))
    mosaic = np.concatenate(rows)
    return [mosaic[None, :height, :width].copy() for height, width in ODD_SIZES]
