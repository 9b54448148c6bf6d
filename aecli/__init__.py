"""Train autoencoders, encode and decode images, and detect anomalies: the Python interface of the command line.

    model = aecli.train(images, epochs=50).model                        # an array, tensor, list or DATA word
    calibration = aecli.calibrate("run", "good/")
    found = aecli.detect("photos/", "run", calibration)                 # names, scores, verdicts, heatmaps
    report = aecli.compress_report("photos/:test", "run")               # bytes and quality beside JPEG, WebP, ...
    aecli.report("run").save("run.html")                                # one page on a run
    found = aecli.search("image.png", "codes.npz", "run")               # the nearest images
    groups = aecli.find_duplicates("codes.npz").groups                  # copies and near-duplicates
    model = aecli.load("run")                   # a run folder, model.safetensors or model.onnx
    codes = model.encode(images)                # (N, C, H, W) uint8, or floats in 0..1 -> (N, *code shape) float32
    images = model.decode(codes)                # (N, *code shape) float32 -> (N, C, H, W) uint8
    scores = model.score(images)                # (N,) float32, L2 norms of the reconstruction errors
    images = aecli.load_images("mnist5k:test").images                   # (N, C, H, W) uint8
    probabilities = aecli.load_classifier("run").classify(images)       # (N, K) float32
    report = aecli.compress("photos/", "codec", "archive/", psnr=38)    # one .aec file for each image
    aecli.restore("archive/", "codec", "restored/")                     # PNG files

Instead of an array, all of these take torch tensors, Pillow images, paths of image files, and lists of single images:
`model.score(["1.png", "2.png"])`. `aecli.inference.inputs.to_images` documents shapes and ranges.

Nothing is printed: a notebook or terminal shows a bar. Errors are those of `aecli.errors`, with a note on what to do;
each warning is issued as an `aecli.errors.AecliWarning`.

`import aecli` is fast: numpy and torch are imported when one of these functions is called.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecli.analyses.duplicates.find import DuplicatesResult
    from aecli.analyses.search.search import SearchResult
    from aecli.api.archives import compress, load_codec, restore
    from aecli.api.calibration import calibrate
    from aecli.api.compression import CompressionResult, compress_report
    from aecli.api.detection import Detections, detect
    from aecli.api.report import RunReport, report
    from aecli.api.search import find_duplicates, search
    from aecli.api.training import TrainingResult, train
    from aecli.data.image_set import ImageSet
    from aecli.inference.model import Model
    from aecli.inference.torch_classifier import TorchClassifier
    from aecli.workflows.calibration import CalibrationResult

__version__ = "0.2.0"
__all__ = [
    "CalibrationResult",
    "CompressionResult",
    "Detections",
    "DuplicatesResult",
    "RunReport",
    "SearchResult",
    "TrainingResult",
    "__version__",
    "calibrate",
    "compress",
    "compress_report",
    "detect",
    "find_duplicates",
    "load",
    "load_classifier",
    "load_codec",
    "load_images",
    "report",
    "restore",
    "search",
    "train",
]

_MODULES = {
    "CalibrationResult": "aecli.workflows.calibration",
    "CompressionResult": "aecli.api.compression",
    "Detections": "aecli.api.detection",
    "DuplicatesResult": "aecli.analyses.duplicates.find",
    "RunReport": "aecli.api.report",
    "SearchResult": "aecli.analyses.search.search",
    "TrainingResult": "aecli.api.training",
    "calibrate": "aecli.api.calibration",
    "compress": "aecli.api.archives",
    "compress_report": "aecli.api.compression",
    "detect": "aecli.api.detection",
    "find_duplicates": "aecli.api.search",
    "load_codec": "aecli.api.archives",
    "report": "aecli.api.report",
    "restore": "aecli.api.archives",
    "search": "aecli.api.search",
    "train": "aecli.api.training",
}


def __getattr__(name: str) -> Any:
    """Import functions on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path: str | Path, *, device: str = "auto") -> "Model":
    """Load a trained autoencoder.

    Args:
        path: A run folder, a `model.safetensors` or a `model.onnx`.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.

    Returns:
        A model with the methods `encode`, `decode`, `reconstruct` and `score`, which return numpy arrays. `encode`,
        `reconstruct` and `score` take images as arrays, torch tensors, Pillow images or paths, or lists of these;
        `decode` takes codes, (N, *code shape).

    Raises:
        aecli.errors.InputError: the file is missing or damaged, or is not an autoencoder.
        aecli.errors.UnavailableError: the device is not available.
    """
    from aecli import inference
    from aecli.api.errors import python_errors

    with python_errors():
        return inference.load(path, device=device)


def load_classifier(path: str | Path, *, device: str = "auto") -> "TorchClassifier":
    """Load a trained classifier.

    Args:
        path: A run folder or a `model.safetensors`.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.

    Returns:
        A model with the method `classify`, which returns class probabilities, (N, K) float32, and the K `class_names`.

    Raises:
        aecli.errors.InputError: the file is missing or damaged, or is not a classifier.
        aecli.errors.UnavailableError: the device is not available.
    """
    from aecli import inference
    from aecli.api.errors import python_errors

    with python_errors():
        return inference.load_classifier(path, device=device)


def load_images(word: str, **options: Any) -> "ImageSet":
    """Load the images of a data set.

    Args:
        word: A DATA word of the command line: a name such as `mnist5k:test`, a folder or a file.
        options: Further arguments of `aecli.data.load`, such as `conversion=model.conversion`.

    Returns:
        An image set with `images`, (N, C, H, W) uint8 in 0..255; `names`, (N,) str; `labels`, (N,) int64 indices into
        `class_names`, -1 for images without a class, or None if there are no labels.

    Raises:
        aecli.errors.InputError: a file is missing or damaged.
        aecli.errors.UnavailableError: the data set, a package or memory is not available.
    """
    from aecli import data
    from aecli.api.errors import python_errors

    with python_errors():
        return data.load(word, **options)
