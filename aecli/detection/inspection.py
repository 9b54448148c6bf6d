"""Pictures, a chunk at a time: read, scored and judged, in their order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecli.data.image_files import UnreadableImageError, quiet
from aecli.data.image_set import Failure
from aecli.data.resize import conversion_notes
from aecli.data.shapes import FullShape
from aecli.detection.detector import Detector
from aecli.detection.inputs import Item, Pixels
from aecli.errors import AecliError
from aecli.inference.model import Model, ModelOutput, batch_size
from aecli.runtime.threads import map_ordered

TOGETHER = 16
"""Pictures that a thread reads in one go."""


@dataclass(frozen=True)
class Detection:
    """What was found of one picture."""

    path: str
    score: float
    threshold: float
    probability: float | None
    """Of an anomaly, where normal and anomalous pictures are equally frequent; None where no anomaly is known."""
    output: ModelOutput
    """What the model made of this picture: each array has one row."""

    @property
    def is_anomaly(self) -> bool:
        return self.score > self.threshold

    @property
    def verdict(self) -> str:
        return "anomaly" if self.is_anomaly else "normal"

    def to_dict(self) -> dict[str, Any]:
        known = {} if self.probability is None else {"probability": self.probability}
        return {"path": self.path, "score": self.score, "threshold": self.threshold, "verdict": self.verdict} | known


class AnomalyInspector:
    """Judges pictures, and counts them."""

    def __init__(self, model: Model, detector: Detector):
        self._model = model
        self._detector = detector
        self._native = Counter[FullShape]()
        self.normal = 0
        self.anomalies = 0
        self.failed = 0

    @property
    def chunk_size(self) -> int:
        """Pictures that are judged at once: as many as the model works on at once."""
        return batch_size(self._model.image_shape)

    @property
    def judged(self) -> int:
        return self.normal + self.anomalies

    def judge(self, chunks: Iterable[list[Item]]) -> Iterator[list[Detection | Failure]]:
        """Yield what was found of each chunk, in order; only one chunk's pictures are in memory at a time.

        Raises:
            InputError: the detector does not fit the model.
        """
        for chunk in chunks:
            yield self._judge(chunk)

    def notes(self) -> tuple[str, ...]:
        """Say how many pictures had to be resized or converted for the model."""
        return conversion_notes(self._native, self._model.image_shape)

    def _judge(self, chunk: list[Item]) -> list[Detection | Failure]:
        with quiet():
            groups = [chunk[start : start + TOGETHER] for start in range(0, len(chunk), TOGETHER)]
            read = [result for group in map_ordered(_read, groups) for result in group]
        pixels = [result[0] for result in read if not isinstance(result, Failure)]
        self._native.update(result[1] for result in read if not isinstance(result, Failure))
        names = [item.name for item, result in zip(chunk, read, strict=True) if not isinstance(result, Failure)]
        findings = iter(self._findings(names, pixels))
        judged = [result if isinstance(result, Failure) else next(findings) for result in read]
        self.failed += len(read) - len(pixels)
        self.anomalies += sum(isinstance(each, Detection) and each.is_anomaly for each in judged)
        self.normal += sum(isinstance(each, Detection) and not each.is_anomaly for each in judged)
        return judged

    def _findings(self, names: Sequence[str], pixels: Sequence[Any]) -> Iterator[Detection]:
        if not pixels:
            return
        header = self._detector.header
        first = 0
        for output in self._model.outputs(np.stack(pixels)):
            scores = self._detector.scores(output)
            chances = header.logistic.probability(scores).tolist() if header.logistic else [None] * len(scores)
            for row, (score, chance) in enumerate(zip(scores.tolist(), chances, strict=True)):
                yield Detection(names[first + row], score, header.threshold, chance, output.take(row))
            first += len(scores)


def _read(items: Sequence[Item]) -> list[Pixels | Failure]:
    results: list[Pixels | Failure] = []
    for item in items:
        try:
            results.append(item.read())
        except UnreadableImageError as error:
            results.append(Failure(item.name, error.reason))
        except AecliError as error:
            results.append(
                Failure(item.name, error.message.removesuffix(f": {item.name}").removeprefix(f"{item.name}: "))
            )
    return results
