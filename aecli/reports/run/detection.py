"""The detector of a run: its metrics, its ROC curve, and images of each kind of error."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import DataSource
from aecli.data import DataOptions
from aecli.data.splits import hold_out
from aecli.detection.detector import Detector, ThresholdBasis
from aecli.detection.features import FIT_FRACTION
from aecli.detection.inspection import AnomalyInspector, Detection
from aecli.detection.score_report import ScoreReport, metrics_of
from aecli.detection.separation import auroc
from aecli.detection.small_samples import basis_text, small_sample_warning
from aecli.errors import AecliError
from aecli.inference.model import Model
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress

SEED = 0
"""The seed of a calibration without --seed; a detector does not record it."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class ErrorKind:
    """Images of one kind that the detector takes for the other kind, the most wrong first."""

    count: int
    total: int
    examples: Sequence[Detection]


@dataclass(frozen=True)
class DetectorScores:
    """The scores of the images that the detector was calibrated with, as far as they can be read."""

    normal: NDArray[np.float32]
    anomalous: NDArray[np.float32]
    """Empty if there are no anomalous images."""
    is_held_out: bool
    """Whether the detector was fitted on none of these images."""
    false_alarms: ErrorKind
    """Those of all normal images that are above the threshold."""
    missed: ErrorKind | None
    """Those of all anomalous images that are not; None without anomalous images."""

    @property
    def description(self) -> str:
        """Which images these are."""
        if self.is_held_out:
            return "the images that it was not fitted on"
        return "all images, those that it was fitted on among them"

    @property
    def auroc(self) -> float | None:
        """The area under the ROC curve of these images; None without anomalous images."""
        return auroc(self.normal, self.anomalous) if len(self.anomalous) else None


@dataclass(frozen=True)
class MeasuredDetector:
    """A detector, and what it does with the images that it was calibrated with."""

    detector: Detector
    metrics: ScoreReport
    """On images that it was not fitted on, from its file."""
    scores: DetectorScores | None
    """None if the images cannot be read."""
    notes: tuple[str, ...] = ()
    """Why there are no scores, and reasons to doubt them."""

    @property
    def basis(self) -> str:
        """The images that the threshold comes from."""
        return basis_text(self.detector.header)

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics and the number of errors as plain values."""
        header, scores = self.detector.header, self.scores
        errors = {} if scores is None else {"false_alarms": scores.false_alarms, "missed": scores.missed}
        return {
            "score": header.score,
            "threshold": header.threshold,
            "normal": header.normal.word,
            "anomalous": header.anomalous and header.anomalous.word,
            "metrics": self.metrics.to_dict(),
            "images": scores and scores.description,
            "auroc": scores.auroc if scores and scores.is_held_out else None,
            "errors": {kind: _counts(error) for kind, error in errors.items()},
            "notes": list(self.notes),
        }


def measure_detector(
    model: Model, detector: Detector, count: int, options: DataOptions, progress: Progress
) -> MeasuredDetector:
    """Score the images that a detector was calibrated with; `count` is the number of examples of each kind.

    Images that cannot be read are not errors.

    Raises:
        InputError: the detector does not fit the model, or is damaged.
    """
    header = detector.header
    metrics = metrics_of(header)
    warning = small_sample_warning(header)
    notes = [warning] if warning else []
    sets = {False: header.normal} | ({} if header.anomalous is None else {True: header.anomalous})
    scored = []
    try:
        for is_anomalous, source in sets.items():
            inspector = AnomalyInspector(model, detector)
            scored.append(_Scored(header.threshold, source, count, is_anomalous=is_anomalous))
            scored[-1].read(inspector, options, progress)
    except AecliError as error:
        return MeasuredDetector(detector, metrics, None, (*notes, f"its images cannot be read: {error.message}"))
    notes += [note for each in scored for note in each.notes]
    return MeasuredDetector(detector, metrics, _selected(scored, metrics, header.basis), tuple(notes))


class _Scored:
    """The scores of all images of one kind, and those that are most wrong, as few as are to be shown."""

    def __init__(self, threshold: float, source: DataSource, count: int, *, is_anomalous: bool):
        self._threshold, self._is_anomalous = threshold, is_anomalous
        self._source, self._count = source, count
        self._worst: list[tuple[float, int, Detection]] = []
        """A heap: how far the score is on the wrong side of the threshold, and the negative number of the image."""
        self.scores = np.zeros(0, np.float32)

    def read(self, inspector: AnomalyInspector, options: DataOptions, progress: Progress) -> None:
        """Score the images.

        Raises:
            InputError: none of them can be read, or the detector does not fit the model.
            UnavailableError: a data set or a package is not available.
        """
        scores: list[float] = []
        for results in inspector.inspect([self._source.word], options=options, progress=progress):
            for detection in results:
                if isinstance(detection, Detection):
                    self._keep(detection, len(scores))
                    scores.append(detection.score)
        inspector.require_scored()
        self.scores = np.array(scores, np.float32)

    @property
    def notes(self) -> list[str]:
        """A note if there are more or fewer images than at the calibration."""
        if len(self.scores) == self._source.images:
            return []
        then = counted(self._source.images, "image")
        return [f"{self._source.word} had {then} when the detector was calibrated, and has {len(self.scores):,} now"]

    def _keep(self, detection: Detection, number: int) -> None:
        if detection.is_anomaly == self._is_anomalous:
            return
        wrong = abs(detection.score - detection.threshold)
        if len(self._worst) < self._count:
            heapq.heappush(self._worst, (wrong, -number, detection.detached()))
        elif (wrong, -number) > self._worst[0][:2]:
            heapq.heapreplace(self._worst, (wrong, -number, detection.detached()))

    @property
    def errors(self) -> ErrorKind:
        """The images on the wrong side of the threshold."""
        wrong = int(((self.scores > self._threshold) != self._is_anomalous).sum())
        return ErrorKind(wrong, len(self.scores), [each[2] for each in sorted(self._worst, reverse=True)])


def _selected(scored: Sequence[_Scored], metrics: ScoreReport, basis: ThresholdBasis | None) -> DetectorScores:
    """Return the scores of the images that the detector was not fitted on, if there are any and they are known.

    Which these are is derived from the default seed of a calibration; if its AUROC or its specificity does not come
    out, all images are taken. Detectors that do not record their basis were fitted on one half.
    """
    normal, *anomalous = scored
    errors = normal.errors, anomalous[0].errors if anomalous else None
    everything = normal.scores, anomalous[0].scores if anomalous else np.zeros(0, np.float32)
    if basis is not None and basis.method != "half":
        return DetectorScores(*everything, False, *errors)
    half = everything[0][_evaluated(len(everything[0]))], everything[1][_evaluated(len(everything[1]))]
    specificity = float((half[0] <= metrics.threshold).mean())
    area = auroc(*half) if len(half[1]) else 0.0
    if abs(specificity - metrics.specificity.value) < TOLERANCE and abs(area - metrics.auroc) < TOLERANCE:
        return DetectorScores(*half, True, *errors)
    return DetectorScores(*everything, False, *errors)


def _evaluated(count: int) -> NDArray[np.int64]:
    """Return the indices of the half that a calibration evaluates on."""
    return hold_out(count, 1 - FIT_FRACTION, SEED)[1] if count > 1 else np.arange(count)


def _counts(error: ErrorKind | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "count": error.count,
        "of": error.total,
        "examples": [{"name": each.path, "score": each.score} for each in error.examples],
    }
