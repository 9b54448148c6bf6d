"""The kinds of files that aecli reads: valid examples, ways to damage them, and everything that is done with them."""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tests.fuzz import formats, mutations
from tests.fuzz.archive_mutation import change_parquet, change_tar
from tests.fuzz.seeds import FEATURES
from tests.fuzz.tiff_mutation import change_tiff
from tests.tiny_backbone import feature_model

if TYPE_CHECKING:
    from aecli.inference.model import Model, ModelOutput
    from aecli.models.feature_model import FeatureModel

PLAIN_DAMAGE = 0.5
"""Fraction of files that are damaged byte by byte although there is a mutation for their format."""


@dataclass(frozen=True)
class Reader:
    """A kind of file and the code that reads it."""

    name: str
    file: str
    """Name of the damaged file, as the format may follow from it."""
    seeds: Sequence[bytes]
    """Contents of valid files."""
    read: Callable[[Path], Any]
    change: mutations.Mutation | None = None
    """A mutation for the format."""

    def mutation(self, seed: int, index: int) -> bytes:
        """Return the content of the damaged file with this index."""
        chance = Random(f"{self.name} {seed} {index}")
        content = chance.choice(self.seeds)
        if self.change and chance.random() > PLAIN_DAMAGE:
            content = self.change(content, chance)
            return mutations.damage(content, chance) if chance.random() < 0.05 else content
        if chance.random() < 0.1:
            return mutations.splice(content, chance.choice(self.seeds), chance)
        return mutations.damage(content, chance)


@dataclass(frozen=True)
class Context:
    """Valid objects that some readers need."""

    folder: Path
    """The folder of the valid files."""
    model: "Model"
    images: NDArray[np.uint8]
    output: "ModelOutput"
    """The results of `model` for `images`."""


def all_readers(folder: Path) -> list[Reader]:
    """Return all readers, with the files that `make_seeds` wrote into the folder."""
    import PIL.ImageFile  # noqa: F401  imported by every reader that resizes or decodes
    import timm  # noqa: F401  imported for a checkpoint that names no other backbone

    from aecli import inference
    from aecli.data import load
    from aecli.data.formats.known import HEIC
    from tests.fuzz.aec_readers import aec_readers

    model = inference.load(folder / "mlp" / "model.safetensors", device="cpu")
    images = load(str(folder / "images.npy")).images[:2]
    (output,) = model.outputs(images)
    context = Context(folder, model, images, output)

    def files(*patterns: str) -> list[bytes]:
        return [path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern))]

    suffixes = ["png", "jpeg", "webp", "bmp", "tiff", "gif", "ppm", "avif", "jp2"]
    suffixes += ["heic"] * HEIC.is_available
    changes = {"png": formats.change_png, "tiff": change_tiff}
    image_readers = [Reader(s, f"x.{s}", files(f"*.{s}"), image_file, changes.get(s)) for s in suffixes]
    zip_of_arrays = formats.change_zip(formats.change_array)
    deflated = formats.change_gzip(mutations.damage)
    return [
        *image_readers,
        Reader("masks", "x_mask.png", files("masks/*"), masks, change_mask),
        Reader("codes", "x.npz", files("mlp-*.npz", "conv-*.npz"), partial(codes, context), zip_of_arrays),
        Reader("npz", "x.npz", files("images.npz", "floats.npz", "splits.npz"), image_set, zip_of_arrays),
        Reader("npy", "x.npy", files("images.npy", "deep.npy"), image_set, formats.change_npy),
        Reader("coordinates", "x.npz", files("plane.npz"), plane_map, zip_of_arrays),
        Reader(
            *("checkpoint", "x.safetensors", files("*/model.safetensors")),
            *(partial(checkpoint, context), formats.change_safetensors),
        ),
        Reader(
            *("detector", "x.safetensors", files("[ckm]*.safetensors")),
            *(partial(detector, context), formats.change_safetensors),
        ),
        Reader("weights", "x.safetensors", files("weights.safetensors"), weights, formats.change_safetensors),
        Reader(
            *("backbone", "x.safetensors", files("backbone/used.safetensors")),
            *(backbone_weights, formats.change_safetensors),
        ),
        Reader("backbone-pth", "x.pth", files("backbone/*.pth"), backbone_weights, formats.change_torch_file),
        Reader(
            *("features", "x.safetensors", files("features/run/model.safetensors")),
            *(partial(features, context), formats.change_safetensors),
        ),
        Reader(
            "features-onnx", "x.onnx", files("features/run/model.onnx"), partial(features, context), formats.change_onnx
        ),
        Reader("onnx", "x.onnx", files("*/model.onnx"), partial(exported, context), formats.change_onnx),
        Reader("recipe", "x.toml", files("*/recipe.toml"), partial(recipe, context), formats.change_toml),
        Reader("idx", "train-images-idx3-ubyte", files("idx"), image_set),
        Reader("idx-gz", "train-images-idx3-ubyte.gz", files("idx.gz"), image_set, deflated),
        Reader("list", "x.txt", files("list"), partial(listed, context), formats.change_lines("/")),
        Reader("csv", "x.csv", files("list*.csv"), image_list, formats.change_lines(",")),
        Reader("tsv", "x.tsv", files("list.tsv"), image_list, formats.change_lines("\t")),
        Reader("jsonl", "x.jsonl", files("list.jsonl"), image_list, formats.change_json_lines),
        Reader("zip", "x.zip", files("*.zip"), archive, formats.change_zip(mutations.damage)),
        Reader("tar", "x.tar", files("*.tar"), archive, change_tar),
        Reader("tar-gz", "x.tar.gz", files("*.tar.gz"), archive, formats.change_gzip(change_tar)),
        Reader("parquet", "x.parquet", files("*.parquet"), archive, change_parquet),
        Reader("metrics", "metrics.csv", files("*/metrics.csv"), metrics, formats.change_lines(",")),
        Reader("state", "last.ckpt", files("mlp/last.ckpt"), state, formats.change_zip(mutations.damage)),
        *aec_readers(folder),
    ]


def _finite(array: NDArray[Any]) -> None:
    assert np.isfinite(array).all(), "values are not finite"


def described(path: Path) -> None:
    """Describe the file as `aecli info` does, as text and as strict JSON."""
    from aecli.reports.describe import describe

    description = describe(path)
    description.as_text()
    json.dumps(description.to_dict(), allow_nan=False).encode()


def image_file(path: Path) -> None:
    from aecli.data.conversion import Conversion
    from aecli.data.encoded import FileOnDisk
    from aecli.data.image_files import decode, decode_mask, native_shape, page_count, quiet

    file = FileOnDisk(path)
    with quiet():
        for page in range(min(page_count(file), 3)):
            decode(file.at_page(page), Conversion((1, 8, 8)))
        native_shape(file)
        pixels = decode(file).pixels
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        marked = decode_mask(file)
        assert marked.dtype == bool
        assert marked.shape == pixels.shape[1:]
        decode(file, Conversion((1, 8, 8), "crop"))


def change_mask(content: bytes, chance: Random) -> bytes:
    """Damage a mask as its format allows."""
    if content.startswith(b"\x89PNG"):
        return formats.change_png(content, chance)
    if content.startswith((b"II", b"MM")):
        return change_tiff(content, chance)
    return mutations.damage(content, chance)


def plane_map(path: Path) -> None:
    """Describe the points, and place two codes onto each embedding that has codes of their shape."""
    from aecli.analyses.embedding_methods import method_of_file
    from aecli.codes.coordinates import load_coordinates
    from aecli.errors import InputError
    from aecli.runtime.progress import silent

    described(path)
    found = load_coordinates(path)
    method = method_of_file(found.method)
    for layout in found.layouts:
        if "codes" in layout.state and layout.state["codes"].ndim == 2:
            codes = np.ones((2, layout.state["codes"].shape[1]), np.float32)
            try:
                method.module.place(codes, layout, found.settings, silent)
            except (ValueError, KeyError) as error:
                raise InputError(str(error)) from error


def masks(path: Path) -> None:
    """Measure a score's maps by the mask, as `calibrate --masks` does, and refuse what it warns of."""
    from aecli.data.image_set import ImageSet
    from aecli.data.mask_folder import with_masks
    from aecli.detection.pixel_evaluation import EvaluationMaps, measure_pixels
    from aecli.errors import InputError

    images = ImageSet(np.zeros((1, 1, 8, 8), np.uint8), np.array(["x.png"]), "images")
    maps = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 4, 4)
    first = np.zeros(1, np.int64)
    marked = with_masks(images, path.parent)
    found = measure_pixels(
        {"local": EvaluationMaps(maps, maps, first, first)}, images, marked, "stretch", 0, lambda *_: None
    )
    if found.warnings:
        raise InputError(*found.warnings)
    json.dumps(vars(found.metrics["local"].auroc), allow_nan=False)


def image_set(path: Path) -> None:
    from aecli.data import load, resolve
    from aecli.data.conversion import Conversion

    for word in (str(path), *(f"{path}:{split}" for split in resolve(str(path)).source.splits())):
        images = load(word, conversion=Conversion((1, 8, 8)))
        assert len(images.names) == len(images) == len(set(images.names))
        assert images.labels is None or images.labels.max() < len(images.class_names)
        images.fingerprint  # noqa: B018


def archive(path: Path) -> None:
    from aecli.data import load
    from aecli.data.conversion import Conversion
    from aecli.data.iteration import iterate_images
    from aecli.errors import AecliError

    gray = Conversion((1, 8, 8))
    for image in iterate_images(str(path), gray):
        image.name.encode("utf-8", "surrogateescape")
        with suppress(AecliError):
            image.read()
    images = load(str(path), conversion=gray, skip_damaged=True)
    assert images.labels is None or images.labels.max() < len(images.class_names)
    json.dumps([*images.class_names, *images.names.tolist()]).encode()


def image_list(path: Path) -> None:
    from aecli.data import load, resolve
    from aecli.data.conversion import Conversion

    gray = Conversion((1, 8, 8))
    images = load(str(path), conversion=gray, skip_damaged=True)
    assert images.labels is None or images.labels.max() < len(images.class_names)
    json.dumps(images.class_names).encode()
    for split in resolve(str(path)).source.splits():
        part = load(f"{path}:{split}", conversion=gray, skip_damaged=True)
        assert set(part.names) <= set(images.names)


def codes(context: Context, path: Path) -> None:
    from aecli import inference
    from aecli.codes import load_codes, write_codes
    from aecli.data.saving import require_image_output, save_images

    described(path)
    read = load_codes(path)
    require_image_output(path.with_name("decoded"), inputs=[path], overwrite=True)
    _finite(read.codes)
    write_codes(read, BytesIO())
    save_images(inference.decode(context.model, read).take(np.arange(min(2, len(read)))), path.with_name("decoded"))


def checkpoint(context: Context, path: Path) -> None:
    from aecli import inference
    from aecli.checkpoint import read_header
    from aecli.detection.detector import default_detector

    described(path)
    if read_header(path).task == "classifier":
        _finite(inference.load_classifier(path, device="cpu").classify(context.images))
        return
    model = inference.load(path, device="cpu")
    _use(model, context)
    _finite(np.array(default_detector(model.header, model.fingerprint).header.threshold))


def exported(context: Context, path: Path) -> None:
    from aecli import inference

    described(path)
    _use(inference.load(path), context)


def _use(model: "Model", context: Context) -> None:
    codes, residuals = model.encode_with_residuals(context.images)
    _finite(codes)
    _finite(residuals)
    model.decode(codes)


def features(context: Context, path: Path) -> None:
    """Encode with a checkpoint or an exported model of features, and detect with the statistics that it holds."""
    from aecli import inference
    from aecli.detection.detector import detector_for

    described(path)
    model = inference.load(path, device="cpu")
    codes, residuals = model.encode_with_residuals(context.images)
    _finite(codes)
    _finite(residuals)
    detector = detector_for(model, None)
    for output in model.outputs(context.images):
        scores, maps = detector.apply(output)
        _finite(scores)
        assert maps is None or len(maps) == len(scores)


def detector(context: Context, path: Path) -> None:
    from aecli.detection.detector import load_detector

    described(path)
    read = load_detector(path)
    _finite(read.scores(context.output))


def weights(path: Path) -> None:
    from aecli.models.autoencoder import Autoencoder
    from aecli.training.pretrained import load_start, start_from

    arguments = {"hidden": [4], "code": 2}
    start_from(Autoencoder("mlp", (1, 8, 8), arguments, [0.5], [0.5]), load_start(path), ())


@cache
def _tiny_features() -> "FeatureModel":
    return feature_model((1, 8, 8), **FEATURES)


def backbone_weights(path: Path) -> None:
    from aecli.training.pretrained import Pretrained, load_backbone, load_start

    start = load_start(path)
    if isinstance(start, Pretrained):
        load_backbone(_tiny_features(), start.weights, str(path))


def recipe(context: Context, path: Path) -> None:
    from aecli.data import DataOptions
    from aecli.recipes.loading import load_recipe, save_recipe
    from aecli.training.resolution import resolve_recipe
    from aecli.training.subsets import load_subsets

    described(path)
    wanted = load_recipe(str(path))
    images, _ = load_subsets(str(context.folder / "images.npz"), None, wanted, DataOptions())
    save_recipe(resolve_recipe(wanted, images, None), path.with_name("resolved.toml"))


def listed(context: Context, path: Path) -> None:
    from aecli.data.image_readers import chunked, image_readers, read_list
    from aecli.detection.detector import default_detector
    from aecli.detection.inspection import AnomalyInspector

    detector = default_detector(context.model.header, context.model.fingerprint)
    inspector = AnomalyInspector(context.model, detector)
    # A folder stands for all images below it, and "/" for all images of the machine.
    names = [name for name in read_list(path) if "\0" in name or not os.path.isdir(name)]  # noqa: PTH112
    for _ in inspector.inspect_chunks(chunked(image_readers(names, context.model.conversion), 8)):
        pass


def metrics(path: Path) -> None:
    from aecli.checkpoint.run_folder import RunFolder

    for row in RunFolder(path.parent).load_metrics():
        json.dumps(vars(row), allow_nan=False)


def state(path: Path) -> None:
    from aecli.training.training_state import WholeFileCheckpoints

    with warnings.catch_warnings():  # as in training
        warnings.simplefilter("ignore")
        WholeFileCheckpoints().load_checkpoint(path)
