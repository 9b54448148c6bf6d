"""A score, what it knows of normal images, and a threshold: one `.safetensors` file.

The file holds the score's statistics as arrays and, under the metadata key `aecli`, one JSON string with the fields of
`DetectorHeader`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import (
    DETECTOR_FILE,
    METADATA_KEY,
    MODEL_FILE,
    ONNX_FILE,
    CheckpointHeader,
    DataSource,
    read_metadata,
)
from aecli.detection.scores import Score, Statistics, find_score, score_names
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model, ModelOutput
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.header import Header
from aecli.storage.paths import require_file
from aecli.storage.schema import parse_json

DEFAULT_QUANTILE = 0.99
DEFAULT_SCORE = "combined"


@dataclass(frozen=True)
class Logistic:
    """The probability of an anomaly, where normal and anomalous images are equally frequent."""

    slope: float
    intercept: float

    def probability(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return 1 / (1 + exp(-(slope * score + intercept))), (N,)."""
        logits = np.clip(self.slope * scores.astype(np.float64) + self.intercept, -700, 700)
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return probabilities


@dataclass(frozen=True)
class DetectorHeader(Header):
    """All that a detector says besides the score's statistics."""

    KIND: ClassVar[str] = "detector"
    FORMAT: ClassVar[int] = 1
    HINT: ClassVar[str | None] = "make one: aecli calibrate --model MODEL --normal DATA -o DETECTOR.safetensors"

    score: str
    threshold: float
    """An image with a larger score is an anomaly."""
    model_fingerprint: str
    normal: DataSource
    """What it was fitted and measured on."""
    quantile: float | None = None
    """The part of normal images that the threshold lets pass; None where anomalous images chose it."""
    anomalous: DataSource | None = None
    logistic: Logistic | None = None
    measured: dict[str, Any] = field(default_factory=dict)
    """Figures on images that it was not fitted on."""
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def check_ranges(self) -> None:
        """Raise ValueError where the score is unknown."""
        if self.score not in score_names():
            raise ValueError(f"unknown score '{self.score}'")


@dataclass(frozen=True)
class Detector:
    """Scores images, and says which are anomalies."""

    header: DetectorHeader
    statistics: Statistics

    @cached_property
    def _score(self) -> Score:
        return find_score(self.header.score)

    def scores(self, output: ModelOutput) -> NDArray[np.float32]:
        """Return the scores of N images, (N,).

        Raises:
            InputError: the statistics do not fit what the model makes of them.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                scores = self._score.score(self._score.measure(output), self.statistics)
            if not np.isfinite(scores).all():
                raise ValueError("a score that is not finite")
        except KeyError as error:
            raise InputError(f"damaged detector: its statistics lack {error} of score {self.header.score}") from error
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(
                f"damaged detector: its statistics do not fit score {self.header.score}: {error}"
            ) from error
        return scores

    def with_threshold(self, threshold: float) -> "Detector":
        """Return the same with another threshold."""
        return Detector(replace(self.header, threshold=threshold, quantile=None), self.statistics)


def default_detector(header: CheckpointHeader, model_fingerprint: str) -> Detector:
    """Return the detector that every checkpoint brings: the residual that 1 % of the validation images exceed."""
    quantiles = header.residual_quantiles
    threshold = float(np.interp(DEFAULT_QUANTILE, quantiles.probabilities, quantiles.values))
    return Detector(
        DetectorHeader("residual", threshold, model_fingerprint, header.validation, quantile=DEFAULT_QUANTILE), {}
    )


def detector_for(model: Model, model_path: Path, detector_path: Path | None) -> Detector:
    """Return the detector to use with a model: the one that is named, else that of the run folder, else the default.

    The run folder may be named by the model in it.

    Raises:
        InputError: it is damaged, or was made for another model.
    """
    run = model_path.parent if model_path.name in {MODEL_FILE, ONNX_FILE} else model_path
    inside = run / DETECTOR_FILE
    if detector_path is None and not inside.exists():
        return default_detector(model.header, model.fingerprint)
    path = detector_path or inside
    detector = load_detector(path)
    if detector.header.model_fingerprint != model.fingerprint:
        raise InputError(
            f"the detector {path} was made for another model ({short_fingerprint(detector.header.model_fingerprint)}) "
            f"than this one ({short_fingerprint(model.fingerprint)})",
            hint=f"make one: aecli calibrate --model {model_path} --normal DATA -o {path}",
        )
    return detector


def save_detector(detector: Detector, path: Path) -> None:
    """Write a detector, whole or not at all; the same detector gives the same bytes.

    Raises:
        UnavailableError: the system refused to write.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in detector.statistics.items()}
    with atomic_write(path) as file:
        file.write(save(arrays, metadata={METADATA_KEY: detector.header.to_json()}))


def load_detector(path: Path) -> Detector:
    """Read a detector that `save_detector` wrote.

    Raises:
        InputError: missing, damaged, or no detector.
    """
    from safetensors import SafetensorError, safe_open

    require_file(path, "detector")
    try:
        with safe_open(path, framework="np") as tensors:
            text = (tensors.metadata() or {}).get(METADATA_KEY)
            statistics = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"not a detector: {path}: {str(error).splitlines()[0]}", hint="aecli calibrate makes one"
        ) from error
    if text is None:
        raise InputError(f"not made by aecli: {path}", hint="aecli calibrate makes detectors")
    header = DetectorHeader.from_json(text, path)
    _check(statistics, path)
    return Detector(header, statistics)


def is_detector(path: Path) -> bool:
    """Tell whether a `.safetensors` file says of itself that it is a detector.

    Raises:
        InputError: missing, damaged, or not written by aecli.
    """
    try:
        return bool(parse_json(read_metadata(path)).get("kind") == DetectorHeader.KIND)
    except (ValueError, AttributeError, RecursionError):
        return False


def _check(statistics: Mapping[str, NDArray[Any]], path: Path) -> None:
    for name, array in statistics.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise InputError(f"damaged detector: {path}: {name} is not finite float32 numbers")


def require_threshold(threshold: float | None) -> None:
    """See that a threshold is a number.

    Raises:
        UsageError: it is not.
    """
    if threshold is not None and not np.isfinite(threshold):
        raise UsageError(f"not a threshold: {threshold}")
