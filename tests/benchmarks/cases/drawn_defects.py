"""Find defects that are drawn into crops of photographs with a trained autoencoder and the score `local`.

The settings of that score were chosen on other crops of the same photographs, which scikit-learn ships, with seeds
below `FIRST_SEED`. Each repeat draws other positions and other defects, and trains again.
"""

import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks.measuring import Effort, Row, aecli, log, run
from tests.benchmarks.tables import markdown
from tests.detection.drawn_defects import DEFECTS, crops, draw_each

FIRST_SEED = 100
SIDE, TRAINED, TESTED = 64, 360, 240
"""Pixels of a crop; crops to train on; normal crops, and as many others with defects, to fit the score on and to
measure it, one half each."""
TRAIN = (
    *("--recipe", "conv", "--image-size", SIDE, "--epochs", 40, "--batch-size", 32, "--lr", 0.003, "--no-export"),
    *("--set", "optimizer.name=adamw", "--set", "optimizer.schedule=one-cycle"),
)
AUROC = 0.95
"""The lowest acceptable AUROC of images with scratches."""

Measured = dict[tuple[str, str], list[tuple[float, float]]]
"""The AUROC of images and of pixels in each repeat, by photograph and kind of defect."""


def measure(effort: Effort) -> list[Row]:
    """Print the AUROC of each kind of defect in each photograph; return that of scratches."""
    from sklearn.datasets import load_sample_images

    measured: Measured = {}
    for repeat in range(effort.repeats_or(3)):
        for photograph, name in zip(load_sample_images().images, ("temple", "flower"), strict=True):
            with tempfile.TemporaryDirectory() as temporary:
                reports = _repeat(photograph.transpose(2, 0, 1), Path(temporary), FIRST_SEED + repeat)
            for kind, report in reports.items():
                pair = report["separation"]["auroc"]["value"], report["pixels"]["auroc"]["value"]
                measured.setdefault((name, kind), []).append(pair)
                log(f"repeat {repeat}, {name}, {kind}: {pair}")
    print(f"\n{quality_table(measured)}\n")
    return [
        Row(
            f"scratches in crops of the {name}: AUROC, lowest of {len(pairs)}",
            lowest := min(image for image, _ in pairs),
            AUROC,
            "at least",
            unit="",
            target=1.0,
            ratio=lowest / AUROC,
        )
        for (name, kind), pairs in measured.items()
        if kind == "scratch"
    ]


def quality_table(measured: Measured) -> str:
    """Return the means over the repeats, and the values of each repeat."""
    rows = []
    for (name, kind), pairs in measured.items():
        columns = zip(*pairs, strict=True)
        cells = [f"{mean(column):.3f} ({' '.join(f'{value:.3f}' for value in column)})" for column in columns]
        rows.append([name, kind, *cells])
    return markdown(["photograph", "defects", "AUROC of images", "AUROC of pixels"], rows)


def _repeat(photograph: NDArray[np.uint8], root: Path, seed: int) -> dict[str, dict[str, Any]]:
    """Train on crops; return the report of `calibrate` for each kind of defect."""
    draws = np.random.default_rng(seed)
    train, normal, tested = (crops(photograph, SIDE, count, draws) for count in (TRAINED, TESTED, TESTED))
    for name, images in (("train", train), ("normal", normal)):
        _write(images, root / name)
    run(aecli("train", root / "train", "-o", root / "run", *TRAIN, "--seed", seed, "--no-progress"))
    reports = {}
    for kind in DEFECTS:
        images, masks = draw_each(kind, tested, seed)
        _write(images, root / kind)
        _write(masks[:, None] * np.uint8(255), root / f"{kind}-masks")
        words = ("calibrate", "--model", root / "run", "--normal", root / "normal", "--anomalous", root / kind)
        options = ("--masks", root / f"{kind}-masks", "--score", "local", "-o", root / "detector.safetensors")
        found = run(aecli(*words, *options, "--json", "--no-progress")).document["scores"]
        (reports[kind],) = [report for report in found if report["score"] == "local"]
    return reports


def _write(images: NDArray[np.uint8], folder: Path) -> None:
    """Write (N, C, H, W) images as PNG."""
    folder.mkdir()
    for index, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")


CASES = {"drawn-defects": measure}
