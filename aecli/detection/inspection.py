"""Read, score and classify images chunk by chunk, in order."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.conversion_summary import ConversionReport, ConversionSummary
from aecli.data.image_files import ConvertedImage, quiet
from aecli.data.image_readers import (
    chunked,
    chunks_as_available,
    image_readers,
    in_few_sizes,
    is_pipe,
    read_list,
    try_read,
)
from aecli.data.image_set import Failure
from aecli.data.iteration import ImageReader
from aecli.data.loading import DEFAULTS
from aecli.data.options import DataOptions
from aecli.data.resize import fit_image, to_pixels
from aecli.data.tiled_image import TiledImage
from aecli.detection.detector import Detector
from aecli.detection.original import OriginalImage, Reread
from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.detection.score_file import HEADING
from aecli.detection.scores import find_score, overhang_of
from aecli.detection.tiled_inspection import score_tiles
from aecli.detection.watching import FolderWatch
from aecli.errors import InputError
from aecli.inference.model import Model, ModelOutput, batch_size
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import map_ordered

READS_PER_TASK = 16
"""Images that a thread reads in one task."""


@dataclass(frozen=True)
class Detection:
    """The result for one image."""

    path: str
    score: float
    threshold: float
    probability: float | None
    """Probability of an anomaly if half of all images are anomalies; None without a logistic regression."""
    output: ModelOutput
    """The model's output for this image; each array has one row. Of an image that was cut into tiles, the output for
    the tile with the highest score."""
    score_map: NDArray[np.float32] | None = None
    """(h, w), the scores at the positions of the image as the model takes it, or of the whole image if it was cut into
    tiles; None if the score has no maps."""
    original: OriginalImage | None = None
    """The image as its file holds it; None if only the model's input is known."""
    overhang: Overhang = NO_OVERHANG
    """How far `score_map` extends beyond the image."""

    @property
    def is_anomaly(self) -> bool:
        return self.score > self.threshold

    @property
    def verdict(self) -> str:
        return "anomaly" if self.score > self.threshold else "normal"

    def detached(self) -> "Detection":
        """Return a copy that does not keep the results of the other images of its batch in memory."""
        score_map = None if self.score_map is None else self.score_map.copy()
        return replace(self, output=self.output.copy(), score_map=score_map)

    def to_dict(self) -> dict[str, Any]:
        values = {"path": self.path, "score": self.score, "threshold": self.threshold, "verdict": self.verdict}
        return values if self.probability is None else values | {"probability": self.probability}


class AnomalyInspector:
    """Applies a detector to images, and counts the results."""

    def __init__(self, model: Model, detector: Detector):
        self.model = model
        self.detector = detector
        self.conversion = replace(model.conversion, tiles=detector.header.tiles)
        """How images become the model's input."""
        self._overhang = overhang_of(find_score(detector.header.score), model.header)
        self._conversions = ConversionSummary(self.conversion)
        self._notes: list[str] = []
        self.normal = 0
        self.anomalies = 0
        self.failed = 0
        self.seconds = 0.0
        """Time since the start of `inspect`, until its latest chunk; of `watch`, only the time of its chunks."""

    @property
    def chunk_size(self) -> int:
        """The number of images that are processed at once: the model's batch size, or 1 with tiles."""
        return 1 if self.conversion.tiles else batch_size(self.model.image_shape)

    @property
    def scored(self) -> int:
        return self.normal + self.anomalies

    @property
    def images_per_second(self) -> float:
        return self.scored / max(self.seconds, 1e-9)

    def inspect(
        self,
        words: Sequence[str],
        files_from: Path | None = None,
        *,
        null_separated: bool = False,
        options: DataOptions = DEFAULTS,
        progress: Progress = silent,
    ) -> Iterator[list[Detection | Failure]]:
        """Yield the results of each chunk of images, in order; only one chunk of images is in memory at a time.

        Args:
            words: DATA words, and `-` for one image on standard input.
            files_from: A list of more words. If it is standard input or a named pipe, words are processed as they
                arrive; otherwise all words are resolved first, so that `progress` is called with the total.
            null_separated: Whether null characters instead of newlines separate the words of the list.
            options: How the data is read.
            progress: Called after each chunk.

        Raises:
            InputError: there is no such list, or the detector does not fit the model.
        """
        started = time.monotonic()
        separator = b"\0" if null_separated else b"\n"
        listed = read_list(files_from, separator=separator, heading=HEADING) if files_from else iter(())
        readers = image_readers(chain(words, listed), self.conversion, self._notes.append, options)
        if files_from and is_pipe(files_from):
            total = None
            chunks = in_few_sizes(chunks_as_available(readers, self.chunk_size), self.chunk_size)
        else:
            known_readers = list(readers)
            total = len(known_readers)
            chunks = chunked(known_readers, self.chunk_size)
        for results in self.inspect_chunks(chunks):
            yield results
            self.seconds = time.monotonic() - started
            if total is not None:
                progress("scoring images", self.scored + self.failed, total)

    def watch(self, folder: Path, options: DataOptions = DEFAULTS) -> Iterator[list[Detection | Failure]]:
        """Yield the results of the image files in a folder and below it, and of those that arrive there, without end.

        Each file is inspected once, as soon as it is complete, and again if its content changes. A file that vanishes
        is not a failure; a folder below it that cannot be read, and an image of a format that is not read, are.

        Raises:
            InputError: the folder cannot be read, or the detector does not fit the model.
        """
        watch = FolderWatch(folder)
        for paths in watch.arrivals():
            started = time.monotonic()
            if failures := watch.new_failures():
                self._count(failures)
                yield [*failures]
            new = (path for path in paths if watch.is_new(path))
            readers = image_readers(new, self.conversion, self._notes.append, options)
            chunks = in_few_sizes(chunked(readers, self.chunk_size), self.chunk_size)
            for results in self.inspect_chunks(chunks, ignores=_has_vanished):
                self.seconds += time.monotonic() - started
                yield results
                started = time.monotonic()

    def inspect_chunks(
        self,
        chunks: Iterable[Sequence[ImageReader]],
        ignores: Callable[[Failure], bool] = lambda failure: False,
    ) -> Iterator[list[Detection | Failure]]:
        """Yield the results of each chunk, in order; a chunk is read when its results are requested.

        Failures that `ignores` are neither yielded nor counted.

        Raises:
            InputError: the detector does not fit the model.
        """
        if self.conversion.tiles:
            for chunk in chunks:
                inspected = [self._inspect_tiles(reader) for reader in chunk]
                results = [result for result in inspected if not (isinstance(result, Failure) and ignores(result))]
                self._count(results)
                yield results
            return
        for chunk in chunks:
            images = [image for image in _read_all(chunk) if not (isinstance(image, Failure) and ignores(image))]
            detections = self._detections([image for image in images if not isinstance(image, Failure)])
            results = [image if isinstance(image, Failure) else next(detections) for image in images]
            self._count(results)
            for image in images:
                if not isinstance(image, Failure):
                    self._conversions.add(image.converted.native, image.converted.depth)
                    self._conversions.add_profile(image.converted.profile)
            yield results

    def require_scored(self) -> None:
        """Check that at least one image could be scored.

        Raises:
            InputError: no image could.
        """
        if not self.scored:
            raise InputError(
                _nothing_scored(self.failed),
                hint="name images, folders of images or DATA words; see the messages above",
            )

    def report(self) -> ConversionReport:
        """Describe the files that were passed over, and how many images were converted for the model, and how."""
        report = self._conversions.report()
        return replace(report, notes=[*self._notes, *report.notes])

    def _count(self, results: Iterable[Detection | Failure]) -> None:
        for result in results:
            if isinstance(result, Failure):
                self.failed += 1
            elif result.is_anomaly:
                self.anomalies += 1
            else:
                self.normal += 1

    def _inspect_tiles(self, reader: ImageReader) -> Detection | Failure:
        """Read an image, and score it by its tiles."""
        read = reader.read_tiles
        with quiet():
            image = try_read(reader.name, read if read else reader.read)
        if isinstance(image, Failure):
            return image
        assert isinstance(image, TiledImage)
        result = score_tiles(image, self.model, self.detector, self._overhang)
        self._conversions.add_tiled(image.native, image.depth)
        self._conversions.add_profile(image.profile)
        header = self.detector.header
        probability = None
        if header.logistic:
            probability = float(header.logistic.probability(np.array([result.score], np.float32))[0])
        return Detection(
            reader.name,
            result.score,
            header.threshold,
            probability,
            result.output,
            result.score_map,
            OriginalImage(
                image.native, replace(self.conversion, resize="stretch"), reader.reread or partial(_fit, image)
            ),
            self._overhang,
        )

    def _detections(self, images: Sequence["_Image"]) -> Iterator[Detection]:
        if not images:
            return
        header = self.detector.header
        conversion = self.conversion
        remaining = iter(images)
        for output in self.model.outputs(np.stack([image.converted.pixels for image in images])):
            scores, maps = self.detector.apply(output)
            probabilities = header.logistic.probability(scores).tolist() if header.logistic else [None] * len(scores)
            results = zip(scores.tolist(), probabilities, remaining, strict=False)
            for row, (score, probability, image) in enumerate(results):
                yield Detection(
                    image.name,
                    score,
                    header.threshold,
                    probability,
                    output.take(row),
                    None if maps is None else maps[row],
                    OriginalImage(image.converted.native, conversion, image.reread),
                    self._overhang,
                )


@dataclass(frozen=True)
class _Image:
    name: str
    converted: ConvertedImage
    reread: Reread | None


def _read_all(readers: Sequence[ImageReader]) -> list[_Image | Failure]:
    with quiet():
        tasks = [readers[start : start + READS_PER_TASK] for start in range(0, len(readers), READS_PER_TASK)]
        return [image for images in map_ordered(_read, tasks) for image in images]


def _read(readers: Sequence[ImageReader]) -> list[_Image | Failure]:
    results = ((reader, try_read(reader.name, reader.read)) for reader in readers)
    return [
        result if isinstance(result, Failure) else _Image(reader.name, result, reader.reread)
        for reader, result in results
    ]


def _fit(image: TiledImage, conversion: Conversion) -> ConvertedImage:
    """Return an image that can be read only once in another shape."""
    return ConvertedImage(*fit_image(to_pixels(image.image), conversion))


def _has_vanished(failure: Failure) -> bool:
    """Return whether an image could not be read because its file does not exist anymore."""
    return not any(Path(name).exists() for name in (failure.name, failure.name.rpartition("#")[0]) if name)


def _nothing_scored(failed: int) -> str:
    if not failed:
        return "the list of files is empty"
    return "the image could not be scored" if failed == 1 else f"none of the {failed:,} images could be scored"
