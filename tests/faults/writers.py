"""The table of everything that aecli writes: each writer has an old and a new version of its output, of real digits."""

import io
import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from unittest import mock

import numpy as np

from aecli.cli.main import main
from aecli.storage.paths import require_folder

Tree = dict[str, bytes]
"""Contents of files by their paths relative to a folder."""
TINY = (
    *("--accelerator", "cpu", "--epochs", "2", "--recipe", "mlp"),
    *("--set", "model.arguments.hidden=[8]", "--set", "model.arguments.code=4"),
)
COUNT = 6
HEATMAPS = 2
"""Each one takes longer to draw than all other files to write."""


def old_or_new(found: Tree, old: Tree, new: Tree) -> bool:
    """Return whether all files are of the same version."""
    return found in (old, new)


def each_file_complete(found: Tree, old: Tree, new: Tree) -> bool:
    """Return whether each file is complete, of either version."""
    return all(content in (old.get(path), new.get(path)) for path, content in found.items())


def single_version(found: Tree, old: Tree, new: Tree) -> bool:
    """Return whether the files are some files of the same version."""
    return any(found.items() <= version.items() for version in (old, new))


def each_entry_complete(found: Tree, old: Tree, new: Tree) -> bool:
    """Return whether each cache entry has all its files or none."""
    return all(found.items() >= version.items() for version in (old, new) if found.keys() & version.keys())


@dataclass(frozen=True)
class Writer:
    """Writes one kind of output into a folder."""

    name: str
    write: Callable[[Path, int], None]
    """Write version 0 or 1 into a folder."""
    allowed: Callable[[Tree, Tree, Tree], bool] = old_or_new
    """Return whether these files may remain after a kill, given the files of both versions."""
    prepare: Callable[[Path], object] = require_folder
    """What a command does before it writes."""


def tree(place: Path) -> Tree:
    """Read all files in the folder, including temporary ones."""
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def aecli(*words: str | Path) -> int:
    """Run the command line in this process, without its output; return the exit status."""
    try:
        with redirect_stdout(io.StringIO()):
            main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def make_material(folder: Path) -> None:
    """Train two models and make their codes, detectors and exported models, which the writers write again."""
    from PIL import Image

    from aecli.data import load

    local = ("--score", "local", "-o", folder / "local.safetensors", "--quiet")
    digits = load("digits:test").take(np.arange(COUNT))
    for version, word in enumerate(("digits:train@-1", "digits:train@-2")):
        run = folder / f"run{version}"
        codes = folder / f"codes{version}.npz"
        plane = ("--coordinates", folder / f"plane{version}.npz", "--perplexity", 3, "--max-iter", 20, "--sample", 20)
        for words in (
            ("train", word, "-o", run, "--keep-state", "--no-export", *TINY),
            ("export", run, "-o", folder / f"model{version}.onnx"),
            ("encode", "digits:test", "--model", run, "-o", codes),
            ("calibrate", "--model", run, "--normal", "digits:test", "-o", folder / f"detector{version}.safetensors"),
            ("tsne", codes, "-o", folder / "plane.png", *plane),
        ):
            if status := aecli(*words, "--quiet"):
                raise SystemExit(f"{words}: exit status {status}")
        for index, image in enumerate(digits.images):
            path = folder / f"images{version}" / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image[0][:: 1 - 2 * version]).save(path)
    if status := aecli("calibrate", "--model", folder / "run0", "--normal", "digits:test", *local):
        raise SystemExit(f"calibrate: exit status {status}")


def all_writers(material: Path) -> list[Writer]:
    """Return all writers."""
    from tests.faults.archive_writers import archive_writers

    return [
        *_models(material),
        *_images(material),
        *archive_writers(material),
        *_detections(material),
        *_analyses(material),
        *_run_files(material),
        _cache(material),
    ]


def _models(material: Path) -> list[Writer]:
    from aecli.checkpoint import load_checkpoint, save_checkpoint
    from aecli.detection.detector import load_detector, save_detector
    from aecli.inference.onnx import export

    checkpoints = [load_checkpoint(material / f"run{version}") for version in (0, 1)]
    detectors = [load_detector(material / f"detector{version}.safetensors") for version in (0, 1)]
    contents = [(material / f"model{version}.onnx").read_bytes() for version in (0, 1)]

    def write_checkpoint(place: Path, version: int) -> None:
        save_checkpoint(checkpoints[version].model, checkpoints[version].header, place / "model.safetensors")

    def write_detector(place: Path, version: int) -> None:
        save_detector(detectors[version], place / "detector.safetensors")

    def write_onnx(place: Path, version: int) -> None:
        """Write an exported model without the seconds that torch takes to trace it."""
        with mock.patch.object(export, "_first_correct", return_value=(contents[version], 0.0)):
            export.export(checkpoints[version], place / "model.onnx")

    return [
        Writer("checkpoint", write_checkpoint),
        Writer("detector", write_detector),
        Writer("ONNX", write_onnx),
    ]


def _images(material: Path) -> list[Writer]:
    from aecli.codes import load_codes, save_codes
    from aecli.data import load
    from aecli.data.saving import save_images

    codes = [load_codes(material / f"codes{version}.npz") for version in (0, 1)]
    digits = load("digits:test")
    images = [digits.take(np.arange(COUNT) + COUNT * version) for version in (0, 1)]

    def write_codes(place: Path, version: int) -> None:
        save_codes(codes[version], place / "codes.npz")

    def write_npz(place: Path, version: int) -> None:
        save_images(images[version], place / "images.npz")

    def write_grid(place: Path, version: int) -> None:
        save_images(images[version], place / "images.png")

    def write_folder(place: Path, version: int) -> None:
        save_images(images[version], place)

    return [
        Writer("codes", write_codes),
        Writer("images .npz", write_npz),
        Writer("images .png", write_grid),
        Writer("images folder", write_folder, single_version),
    ]


def _detections(material: Path) -> list[Writer]:
    """Return the writers of what `detect` shows: heatmaps, maps and a page of the same two images, or of two others."""
    from aecli import inference
    from aecli.data.image_readers import chunked, image_readers
    from aecli.data.image_set import Failure
    from aecli.detection.detector import load_detector
    from aecli.detection.inspection import AnomalyInspector, Detection
    from aecli.pages.inspection.page import InspectionPage
    from aecli.plots.heatmap import Heatmaps
    from aecli.plots.map_files import MapFiles
    from aecli.plots.map_formats import MapFormat

    model = inference.load(material / "run0", device="cpu")
    detector = load_detector(material / "local.safetensors")

    def inspected(version: int) -> list[Detection]:
        names = [str(material / f"images{version}" / f"{index}.png") for index in range(HEATMAPS)]
        readers = image_readers(names, model.conversion)
        chunks = AnomalyInspector(model, detector).inspect_chunks(chunked(readers, HEATMAPS))
        return [replace(one, path=Path(one.path).name) for one in chain(*chunks) if isinstance(one, Detection)]

    detections = [inspected(version) for version in (0, 1)]
    assert all(len(found) == HEATMAPS and found[0].score_map is not None for found in detections)

    def write_heatmaps(place: Path, version: int) -> None:
        heatmaps = Heatmaps(place, detector)
        for detection in detections[version]:
            heatmaps.draw(detection)

    def write_maps(file_format: MapFormat, place: Path, version: int) -> None:
        maps = MapFiles(place, file_format)
        for detection in detections[version]:
            maps.write(detection)

    def write_page(place: Path, version: int) -> None:
        page = InspectionPage(place / "page.html", model, detector)
        for detection in detections[version]:
            page.add(detection)
        page.add_failure(Failure("damaged.png", "cannot be read"))
        page.finish()

    return [
        Writer("heatmaps folder", write_heatmaps, each_file_complete),
        Writer("maps folder, TIFF", partial(write_maps, "tiff"), each_file_complete),
        Writer("maps folder, NumPy", partial(write_maps, "npy"), each_file_complete),
        Writer("page", write_page),
    ]


def _analyses(material: Path) -> list[Writer]:
    from aecli.codes import load_codes
    from aecli.codes.coordinates import PlanePoints, save_coordinates
    from aecli.plots.figure import figure

    names = load_codes(material / "codes0.npz").names[:20]
    planes = [np.load(material / f"plane{version}.npz")["coordinates"] for version in (0, 1)]
    points = [PlanePoints(plane, names, None, [], {}) for plane in planes]

    def write_coordinates(place: Path, version: int) -> None:
        save_coordinates([points[version]], "t-SNE", {}, place / "plane.npz")

    def write_plot(place: Path, version: int) -> None:
        """Write a plot, as all plots are written."""
        with figure(place / "plot.png", (1, 1)) as drawn:
            drawn.text(0, 0, str(version))

    return [Writer("coordinates", write_coordinates), Writer("plot", write_plot)]


def _run_files(material: Path) -> list[Writer]:
    import torch

    from aecli.checkpoint.run_folder import RunFolder
    from aecli.recipes.loading import load_recipe, save_recipe
    from aecli.training.training_state import WholeFileCheckpoints

    runs = [RunFolder(material / f"run{version}") for version in (0, 1)]
    recipe = load_recipe(str(runs[0].recipe))
    recipes = [recipe, replace(recipe, training=replace(recipe.training, seed=1))]
    histories = [run.load_metrics() for run in runs]
    states = [torch.load(run.state, weights_only=True) for run in runs]

    def write_state(place: Path, version: int) -> None:
        WholeFileCheckpoints().save_checkpoint(states[version], place / "last.ckpt")

    def write_metrics(place: Path, version: int) -> None:
        RunFolder(place).save_metrics(histories[version])

    def write_recipe(place: Path, version: int) -> None:
        save_recipe(recipes[version], place / "recipe.toml")

    return [
        Writer("last.ckpt", write_state),
        Writer("metrics.csv", write_metrics),
        Writer("recipe.toml", write_recipe),
    ]


def _cache(material: Path) -> Writer:
    from aecli.data import DataOptions, load

    def set_aside(place: Path) -> None:
        """Move the cache entries away, as existing entries are not written again."""
        for entry in require_folder(place / "decoded").glob("[!.]*"):
            entry.rename(Path(tempfile.mkdtemp(dir=place.parent)) / entry.name)

    def write(place: Path, version: int) -> None:
        os.environ["AECLI_CACHE"] = str(place)
        load(str(material / f"images{version}"), DataOptions(memory_budget=1))

    return Writer("data cache", write, each_entry_complete, set_aside)
