"""What a first training gives: `aecli train FOLDER -o run` without any other option."""

import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.measuring import Completed, Effort, Row, aecli, run
from tests.benchmarks.solar_cells import installed_split

CROPS = 90
NORMAL_CELLS = 353
MAX_SECONDS = 240
LABORATORY_EPOCHS = 150


def write_crops(folder: Path) -> Path:
    """Write 90 JPEGs, crops of 160 to 400 pixels of scikit-learn's two photographs, in a folder for each."""
    from sklearn.datasets import load_sample_images

    draws = np.random.default_rng(0)
    for image, name in zip(load_sample_images().images, ("china", "flower"), strict=True):
        (folder / name).mkdir(parents=True)
        for index in range(CROPS // 2):
            width, height = draws.integers(160, 400, 2)
            top, left = draws.integers(0, image.shape[0] - height + 1), draws.integers(0, image.shape[1] - width + 1)
            crop = Image.fromarray(image[top : top + height, left : left + width])
            crop.save(folder / name / f"{index:03}.jpg", quality=90)
    return folder


def link_cells(folder: Path) -> Path:
    """Link the normal monocrystalline solar cells that the first split of `tests.benchmarks.solar_cells` fits on."""
    folder.mkdir()
    for path in installed_split("mono", 0).train:
        (folder / path.name).symlink_to(path)
    return folder


def write_few(folder: Path) -> Path:
    """Write 12 crops, as many of each photograph."""
    crops = write_crops(folder.with_name("all"))
    for path in sorted(crops.rglob("*.jpg"))[:: CROPS // 12][:12]:
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


def measure(effort: Effort) -> list[Row]:
    """Train with the defaults on color photographs, solar cells, digits and MNIST; report error and time."""
    sets: list[tuple[str, str | Callable[[Path], Path], float | None]] = [
        ("90 color crops", write_crops, 0.25),
        ("12 color crops", write_few, None),
        ("digits", "digits", None),
    ]
    if find_spec("elpv_dataset"):
        sets.insert(1, (f"{NORMAL_CELLS} solar cells", link_cells, 0.35))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, source, bar in sets:
            images = source if isinstance(source, str) else source(root / name.replace(" ", "-"))
            rows.append(_row(name, _train(images, root / f"run-{name.replace(' ', '-')}"), bar))
        rows.append(_beside_the_laboratory(root))
    return rows


def _train(images: str | Path, folder: Path, *words: object) -> Completed:
    return run(aecli("train", images, "-o", folder, "--no-progress", "--json", *words))


def _row(name: str, done: Completed, bar: float | None) -> Row:
    error = done.document["training"]["val_loss"]
    return Row(
        f"train {name}, no options",
        done.seconds,
        MAX_SECONDS,
        reference_name="limit",
        target=1.0,
        ratio=MAX_SECONDS / done.seconds,
        note=f"validation MSE {error:.4f}, normalized" + (f"; at most {bar}" if bar else ""),
    )


def _beside_the_laboratory(root: Path) -> Row:
    """Compare mnist5k without options with the 150 epochs of `conv`."""
    ours = _train("mnist5k", root / "run-mnist5k")
    laboratory = ("--recipe", "conv", "--epochs", LABORATORY_EPOCHS, "--no-export")
    theirs = _train("mnist5k", root / "laboratory", *laboratory)
    errors = tuple(done.document["training"]["val_loss"] for done in (ours, theirs))
    return Row(
        "train mnist5k, no options",
        ours.seconds,
        theirs.seconds,
        reference_name=f"conv, {LABORATORY_EPOCHS} epochs",
        target=1.0,
        ratio=theirs.seconds / ours.seconds,
        note=f"validation MSE {errors[0]:.4f} and {errors[1]:.4f}; at most 0.104",
    )


CASES = {"first-training": measure}
