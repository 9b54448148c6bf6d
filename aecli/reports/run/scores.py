"""The anomaly scores of images by a model of features, which has no reconstructions to show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data import ImageSet
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.inference.model import Model
from aecli.reports.run.examples import chosen_indices
from aecli.runtime.progress import Progress


@dataclass(frozen=True)
class Scores:
    """The scores of all images, and some of the images with their maps."""

    scores: NDArray[np.float32]
    """(N,)"""
    detector: Detector
    examples: Mapping[str, Sequence[Detection]]
    """`best` with the lowest scores, `middle` and `worst`; fewer kinds of few images."""

    @property
    def above(self) -> int:
        """The number of images above the threshold."""
        return int((self.scores > self.detector.header.threshold).sum())

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values."""
        return {
            "score": self.detector.header.score,
            "threshold": self.detector.header.threshold,
            "mean": float(self.scores.mean()),
            "above": self.above,
            "examples": {
                kind: [{"name": each.path, "score": each.score} for each in group]
                for kind, group in self.examples.items()
            },
        }


def measure_scores(model: Model, detector: Detector, images: ImageSet, count: int, progress: Progress) -> Scores:
    """Score all images, as the model takes them; `count` is the number of examples of each kind.

    Raises:
        InputError: the detector does not fit the model.
    """
    scores, done = [], 0
    for output in model.outputs(images.images):
        scores.append(detector.scores(output))
        progress("scoring images", done := done + len(output.images), len(images))
    joined = np.concatenate(scores)
    kinds = chosen_indices(joined.astype(np.float64), count)
    examples = {kind: _detections(model, detector, images, indices) for kind, indices in kinds.items()}
    return Scores(joined, detector, examples)


def _detections(model: Model, detector: Detector, images: ImageSet, indices: NDArray[np.int64]) -> list[Detection]:
    found = []
    names = iter(images.names[indices].tolist())
    for output in model.outputs(images.images[indices]):
        scores, maps = detector.apply(output)
        for row, score in enumerate(scores.tolist()):
            score_map = None if maps is None else maps[row]
            threshold = detector.header.threshold
            found.append(Detection(next(names), score, threshold, None, output.take(row), score_map))
    return found
