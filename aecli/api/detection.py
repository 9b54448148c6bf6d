"""`aecli.detect`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.api.errors import in_python, python_errors, warn_all
from aecli.api.images import DataLike, in_memory, load_model
from aecli.api.progress import ProgressLike, open_progress
from aecli.data import DataOptions, Failure
from aecli.data.image_files import ConvertedImage
from aecli.data.image_readers import chunked, image_readers
from aecli.data.in_memory import memory_ref
from aecli.data.iteration import ImageReader, iterate_images
from aecli.detection.detector import Detector
from aecli.detection.inspection import AnomalyInspector, Detection
from aecli.detection.tile_options import TileOptions
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model
from aecli.runtime.counting import counted
from aecli.workflows.calibration import CalibrationResult
from aecli.workflows.detection import open_inspector

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, repr=False)
class Detections:
    """The results of `aecli.detect` for N images, in their order."""

    names: NDArray[np.str_]
    """(N,): the path of each image file, `DATA:NAME` for an image of a data set, or the number of the image from 0."""
    scores: NDArray[np.float32]
    """(N,): the larger, the more anomalous."""
    threshold: float
    """Images with a larger score are anomalies."""
    probabilities: NDArray[np.float64] | None
    """(N,): probability of an anomaly if half of all images are anomalies; None if the detector has no logistic
    regression, which it has if it was calibrated with anomalous images."""
    detector: Detector
    failures: tuple[Failure, ...] = ()
    """Images that could not be read, each with `name` and `reason`; they are not among the N."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """How images were converted, and files that were passed over."""
    _model: Model = field(kw_only=True)
    _readers: Sequence[ImageReader] = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def is_anomaly(self) -> NDArray[np.bool_]:
        """(N,): whether each score is above the threshold."""
        return self.scores > np.float64(self.threshold)

    @property
    def verdicts(self) -> NDArray[np.str_]:
        """(N,): `anomaly` or `normal`."""
        return np.where(self.is_anomaly, "anomaly", "normal")

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """Return the columns name, score, threshold, verdict and, if known, probability, for `pandas.DataFrame`."""
        columns: dict[str, NDArray[Any]] = {
            "name": self.names,
            "score": self.scores,
            "threshold": np.full(len(self), self.threshold),
            "verdict": self.verdicts,
        }
        return columns if self.probabilities is None else columns | {"probability": self.probabilities}

    def error_map(self, index: int) -> NDArray[np.float32]:
        """Return where an image differs from its reconstruction, (H, W) in gray levels, 0..255; it is read again.

        The absolute differences are averaged over the channels.

        Raises:
            aecli.errors.UsageError: images were cut into tiles.
            aecli.errors.InputError: the image file has changed, and cannot be read anymore; or the model encodes
                features, and has no reconstructions.
        """
        with python_errors():
            if self.detector.header.tiles:
                raise UsageError("an image in tiles has no error map", hint="score_map is that of the whole image")
            error_map: NDArray[np.float32] = self._inspect(index).output.error_maps[0]
        return error_map

    def score_map(self, index: int) -> NDArray[np.float32]:
        """Return how unusual each position of an image is, (h, w), in the units of the score; the image is read again.

        The map covers the model's input, or the whole image if it was cut into tiles: one number for each position of
        the code or, of the score `local`, for each block of pixels. Where a side is not a multiple of the pixels of a
        position, it extends beyond the lower or right edge.

        Raises:
            aecli.errors.UsageError: the detector's score has no maps.
            aecli.errors.InputError: the image file has changed, and cannot be read anymore.
        """
        with python_errors():
            score_map = self._inspect(index).score_map
            if score_map is None:
                raise UsageError(
                    f"score {self.detector.header.score} has no maps",
                    hint="calibrate with a score of maps, such as position or local; or use error_map",
                )
        return score_map

    def heatmap(self, index: int) -> "Image":
        """Return the image and, beside it, what is unusual in it in color. The image is read again.

        It is what `aecli detect --heatmaps` writes. A notebook shows it; `.save("heatmap.png")` writes it to a file.

        Raises:
            aecli.errors.InputError: the image file has changed, and cannot be read anymore.
        """
        from aecli.plots.heatmap import heatmap

        return heatmap(self._inspect(index), self.detector)

    def _inspect(self, index: int) -> Detection:
        with python_errors():
            ((result,),) = AnomalyInspector(self._model, self.detector).inspect_chunks([[self._readers[index]]])
            if isinstance(result, Failure):
                raise InputError(f"cannot read image {result.name}: {result.reason}")
        return result

    def __repr__(self) -> str:
        anomalies = counted(int(self.is_anomaly.sum()), "anomaly", "anomalies")
        return (
            f"<Detections: {counted(len(self), 'image')}, {anomalies} "
            f"({self.detector.header.score} above {self.threshold:.6g})>"
        )


def detect(
    images: "DataLike | Iterable[str | Path]",
    model: Model | str | Path,
    detector: CalibrationResult | Detector | str | Path | None = None,
    *,
    threshold: float | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    options: DataOptions | None = None,
    device: str = "auto",
    progress: "ProgressLike" = None,
) -> Detections:
    """Detect anomalies among images.

        found = aecli.detect("photos/", "run")
        found.names[found.is_anomaly]
        found.heatmap(found.scores.argmax())                    # the image, and what is unusual in it
        pandas.DataFrame(found.to_dict())

    Args:
        images: A DATA word or path, or a list of these, as for `aecli detect`: files that cannot be read are listed in
            `failures`. Or the result of `aecli.load_images`, or whatever `model.encode` takes.
        model: A model that `aecli.load` returned, or the path of a run folder, `model.safetensors` or `model.onnx`.
        detector: What `aecli.calibrate` returned, or a detector file. Default: `detector.safetensors` in the run
            folder, or without it the default score of the model (`residual`, or `position` for a model of features)
            with a threshold from the validation images: their conformal 99% quantile, which is their largest score if
            they are fewer than 99.
        threshold: The score above which an image is an anomaly, instead of the detector's threshold.
        tile: Cut images in their own size into square tiles of this many pixels, and join the scores of the tiles; 0
            takes whole images. Default: as the detector was calibrated, or else as the model was trained.
        overlap: Pixels by which neighboring tiles overlap; default: an eighth of `tile`.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`, if the model is given as a path; `auto` selects a GPU if there
            is one.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        Names, scores and verdicts as numpy arrays, in the order of the images.

    Raises:
        aecli.errors.InputError: the model or the detector is missing or damaged, the detector was made for another
            model, images do not fit the model, or none could be read.
        aecli.errors.UsageError: the threshold is not finite, or there are no such tiles.
        aecli.errors.UnavailableError: a package or the device is not available.
    """
    with python_errors(), open_progress(progress) as on_progress:
        loaded = load_model(model, device)
        inspector, warnings = open_inspector(loaded, _detector(detector), threshold, TileOptions(tile, overlap))
        notes = list(loaded.notes)
        readers = list(_readers(images, inspector, options or DataOptions(), notes))
        names: list[str] = []
        scores: list[float] = []
        probabilities: list[float | None] = []
        failures: list[Failure] = []
        scored: list[ImageReader] = []
        done = 0
        for results in inspector.inspect_chunks(chunked(readers, inspector.chunk_size)):
            for reader, result in zip(readers[done : done + len(results)], results, strict=True):
                if isinstance(result, Failure):
                    failures.append(result)
                    continue
                scored.append(reader)
                names.append(result.path)
                scores.append(result.score)
                probabilities.append(result.probability)
            done += len(results)
            on_progress("scoring images", done, len(readers))
        if not readers:
            raise InputError("no images", hint="name image files, a folder or a DATA word")
        report = inspector.report()
        warnings += [*report.warnings, *(failure.warning for failure in failures)]
        warn_all(warnings)
        inspector.require_scored()
    header = inspector.detector.header
    return Detections(
        np.array(names, np.str_),
        np.array(scores, np.float32),
        header.threshold,
        np.array(probabilities, np.float64) if header.logistic else None,
        inspector.detector,
        tuple(failures),
        tuple(warnings),
        tuple(map(in_python, (*notes, *report.notes))),
        _model=loaded,
        _readers=scored,
    )


def _detector(detector: CalibrationResult | Detector | str | Path | None) -> Detector | Path | None:
    if isinstance(detector, CalibrationResult):
        return detector.detector
    return detector if detector is None or isinstance(detector, Detector) else Path(detector)


def _readers(
    images: "DataLike | Iterable[str | Path]", inspector: AnomalyInspector, options: DataOptions, notes: list[str]
) -> Iterator[ImageReader]:
    model, conversion = inspector.model, inspector.conversion
    words = [images] if isinstance(images, str | os.PathLike) else images
    if isinstance(words, list | tuple) and words and all(isinstance(word, str | os.PathLike) for word in words):
        yield from image_readers(map(os.fspath, words), conversion, notes.append, options)
        return
    if conversion.tiles:
        yield from iterate_images(memory_ref(images), conversion, options, notes.append)
        return
    held = in_memory(images, model)  # type: ignore[arg-type]
    for name, pixels in zip(held.names.tolist(), held.images, strict=True):
        yield ImageReader(name, partial(ConvertedImage, pixels, model.image_shape))
