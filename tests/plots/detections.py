"""Detections made by hand, for tests of what is drawn."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import DataSource, NormalMaps
from aecli.data.conversion import Conversion, Resize
from aecli.data.image_files import ConvertedImage
from aecli.data.resize import fit_image
from aecli.detection.detector import Detector, DetectorHeader
from aecli.detection.inspection import Detection
from aecli.detection.original import OriginalImage
from aecli.inference.model import Model, ModelOutput

NORMAL = NormalMaps(1.0, 2.0, 3.0)
THRESHOLD = 4.0


def detector(score: str = "position", **changes: Any) -> Detector:
    """Return a detector with the threshold 4 that knows the maps of normal images; only its header is used."""
    values = {"normal_maps": NORMAL} | changes
    return Detector(DetectorHeader(score, THRESHOLD, "sha256:0", DataSource("good", "sha256:1", 100), **values), {})


def detection(
    score_map: NDArray[np.float32] | None,
    pixels: NDArray[np.uint8] | None = None,
    *,
    path: str = "x.png",
    side: int = 32,
    resize: Resize = "stretch",
    score: float | None = None,
) -> Detection:
    """Return the detection of an image with these pixels, (C, H, W), that a model of features takes as side x side."""
    pixels = np.full((3, 96, 96), 100, np.uint8) if pixels is None else pixels
    channels, height, width = pixels.shape
    taken = np.full((1, channels, side, side), 100, np.uint8)
    output = ModelOutput(taken, np.zeros((1, 4), np.float32), None, np.ones(1, np.float32))
    original = OriginalImage((channels, height, width), Conversion((channels, side, side), resize), reread(pixels))
    if score is None:
        score = 0.0 if score_map is None else float(score_map.max())
    return Detection(path, score, THRESHOLD, None, output, score_map, original)


def reread(pixels: NDArray[np.uint8]) -> Callable[[Conversion], ConvertedImage]:
    """Return a function that reads an image of these pixels, (C, H, W), in another size."""
    return lambda conversion: ConvertedImage(*fit_image(pixels, conversion))


def hot(value: float, size: tuple[int, int] = (8, 8), at: tuple[int, int] = (2, 5)) -> NDArray[np.float32]:
    """Return a map of usual values with one position of this value."""
    score_map = np.full(size, NORMAL.median, np.float32)
    score_map[at] = value
    return score_map


def model() -> Model:
    """Return a model of features as far as the page describes it."""
    header = SimpleNamespace(architecture="features")
    return cast(Model, SimpleNamespace(path=Path("run"), header=header, fingerprint="sha256:0", has_images=False))
