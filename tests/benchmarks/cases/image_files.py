"""Read image files: detect on one PNG and on 10,000, a folder of JPEGs, and 10,000 PNGs in archives."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from aecli.data import load
from aecli.data.conversion import Conversion
from aecli.data.options import DataOptions
from tests.benchmarks.cases.training import train_command, write_images
from tests.benchmarks.measuring import Completed, Effort, Row, aecli, alternate, compare, reference, run
from tests.data.archive_writing import files_of, write_parquet, write_tar, write_zip

PNGS = 10_000
JPEGS, SIDE, SMALL_SIDE = 1_000, 640, 64
PHOTOGRAPHS, DIFFERENT_PHOTOGRAPHS, PHOTOGRAPH_SIZE = 10_000, 200, (640, 480)


def detect(effort: Effort) -> list[Row]:
    """Detect with an exported conv model, as whole processes: one PNG, and a folder of 10,000."""
    import torch

    from tests.benchmarks.references.notebook import NotebookAutoencoder

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_images("mnist5k", folder)
        model = Path(run(train_command("conv", 1, "32-true", folder)).document["run"])
        run(aecli("export", model, "--json", "--quiet"))
        torch.save(NotebookAutoencoder("conv").state_dict(), folder / "weights.pt")
        pngs = folder / "pngs"
        pngs.mkdir()
        images = load("mnist5k:all").images[:, 0]
        for number in range(PNGS):
            Image.fromarray(images[number % len(images)]).save(pngs / f"{number:05}.png")
        one = sorted(pngs.iterdir())[0]
        script = ("notebook_detect", folder / "weights.pt", 20)
        rows = []
        for case, path, repeats in (("one PNG, whole process", one, 5), (f"{PNGS:,} PNGs, whole process", pngs, 3)):
            commands = {
                "aecli": lambda path=path: run(aecli("detect", path, "--model", model, "--quiet")),
                "script": lambda path=path: run(reference(*script, path)),
            }
            completed = alternate(effort.repeats_or(repeats), commands)
            seconds = ([each.seconds for each in completed[name]] for name in commands)
            rows.append(compare(f"detect {case}", *seconds, reference_name="script with DataLoader"))
    return rows


def jpegs(effort: Effort) -> list[Row]:
    """Decode a folder of JPEGs, digits enlarged to 640x640, to 64x64."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "jpegs", "digits")
        folder.mkdir(parents=True)
        for number, image in enumerate(load("mnist5k:all").images[:JPEGS, 0]):
            large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB")
            large.save(folder / f"{number:05}.jpg", quality=90)
        ours, theirs = [], []
        for _ in range(effort.repeats_or(3)):
            started = time.perf_counter()
            images = load(str(folder.parent), DataOptions(), conversion=Conversion((3, SMALL_SIDE, SMALL_SIDE)))
            ours.append(time.perf_counter() - started)
            assert len(images) == JPEGS
            theirs.append(run(reference("notebook_folder", folder.parent, SMALL_SIDE)).document["seconds"])
    case = f"decode {JPEGS:,} JPEGs of {SIDE}x{SIDE} to {SMALL_SIDE}x{SMALL_SIDE}"
    return [compare(case, ours, theirs, reference_name="ImageFolder and DataLoader")]


def detect_photographs(effort: Effort) -> list[Row]:
    """Detect on 10,000 JPEGs of 640x480, crops of photographs, beside decoding the same files and nothing else.

    With the default recipe, whose network takes longer than decoding, and with a small network; both at 64x64.
    """
    decoders = {"pillow": "Pillow", "draft": "Pillow with draft"}
    if find_spec("simplejpeg"):
        decoders["simplejpeg"] = "simplejpeg"
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folder = root / "all"
        write_photographs(root / "some" / "photographs", folder)
        commands: dict[str, Callable[[], Completed]] = {
            method: partial(run, reference("jpeg_decoding", folder, method)) for method in decoders
        }
        for recipe in ("photos", "small"):
            options = ("--recipe", recipe, "--image-size", SMALL_SIDE, "--steps", 60, "--quiet", "--json")
            run(aecli("train", root / "some", "-o", root / recipe, *options))
            commands[recipe] = partial(run, aecli("detect", folder, "--model", root / recipe, "--quiet"))
        completed = alternate(effort.repeats_or(3), commands)
    return [
        compare(
            f"detect {PHOTOGRAPHS:,} JPEGs of {PHOTOGRAPH_SIZE[0]}x{PHOTOGRAPH_SIZE[1]}, {recipe}, whole process",
            [each.seconds for each in completed[recipe]],
            [each.document["seconds"] for each in completed[method]],
            reference_name=f"only {name}",
        )
        for recipe in ("photos", "small")
        for method, name in decoders.items()
    ]


def write_photographs(some: Path, folder: Path) -> None:
    """Write crops of scikit-learn's photographs to a folder, and many links to them to another one."""
    from sklearn.datasets import load_sample_images

    some.mkdir(parents=True)
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    for number in range(DIFFERENT_PHOTOGRAPHS):
        photograph = photographs[number % len(photographs)]
        width = int(random.integers(320, 560))
        height = width * PHOTOGRAPH_SIZE[1] // PHOTOGRAPH_SIZE[0]
        left, top = (
            int(random.integers(0, limit - side + 1))
            for limit, side in zip(photograph.size, (width, height), strict=True)
        )
        crop = photograph.crop((left, top, left + width, top + height))
        crop.resize(PHOTOGRAPH_SIZE, Image.Resampling.BICUBIC).save(some / f"{number:03}.jpg", quality=90)
    for number in range(PHOTOGRAPHS):
        (folder / f"{number:05}.jpg").hardlink_to(some / f"{number % DIFFERENT_PHOTOGRAPHS:03}.jpg")


def archives(effort: Effort) -> list[Row]:
    """Load 10,000 PNGs from archives and a Parquet file, and from the folder of the same files, in one process."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folder = root / "pngs"
        folder.mkdir()
        images = load("mnist5k:all").images[:, 0]
        for number in range(PNGS):
            Image.fromarray(images[number % len(images)]).save(folder / f"{number:05}.png")
        files = files_of(folder)
        containers = {
            ".tar": write_tar(root / "pngs.tar", files),
            ".zip": write_zip(root / "pngs.zip", files),
            ".tar.gz": write_tar(root / "pngs.tar.gz", files),
            ".parquet": write_parquet(root / "pngs.parquet", files),
        }
        seconds: dict[str, list[float]] = {kind: [] for kind in ("folder", *containers)}
        expected = load(str(folder)).fingerprint
        for _ in range(effort.repeats_or(7)):
            for kind, path in {"folder": folder, **containers}.items():
                started = time.perf_counter()
                loaded = load(str(path))
                seconds[kind].append(time.perf_counter() - started)
                assert loaded.fingerprint == expected
    return [
        compare(
            f"load {PNGS:,} PNGs from a {kind}",
            seconds[kind],
            seconds["folder"],
            reference_name="folder",
            target=1.0 if kind == ".tar" else None,
        )
        for kind in containers
    ]


CASES = {"detect": detect, "detect-photographs": detect_photographs, "jpegs": jpegs, "archives": archives}
