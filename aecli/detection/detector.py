"""A detector: a score, its statistics of normal images and a threshold, in one `.safetensors` file.

The file holds the score's statistics as arrays and, under the metadata key `aecli`, one JSON string with the fields of
`DetectorHeader`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import METADATA_KEY, CheckpointHeader, DataSource, NormalMaps, read_metadata
from aecli.data.tiling import Tiling
from aecli.detection.options import DEFAULT_QUANTILE
from aecli.detection.reductions import DEFAULT_REDUCTION, check_reduction
from aecli.detection.score_application import apply_score
from aecli.detection.scores import MapScore, Score, Statistics, find_score, score_names
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model, ModelOutput, conversion_of
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.header import Header
from aecli.storage.paths import require_file
from aecli.storage.run_files import DETECTOR_FILE, MODEL_FILE, ONNX_FILE
from aecli.storage.schema import parse_json
from aecli.storage.tensor_files import unreadable_tensors


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on the score: the probability of an anomaly if half of all images are anomalies."""

    slope: float
    intercept: float

    def probability(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return 1 / (1 + exp(-(slope * score + intercept))), (N,)."""
        logits = np.clip(self.slope * scores.astype(np.float64) + self.intercept, -700, 700)
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return probabilities


@dataclass(frozen=True)
class ThresholdBasis:
    """The images that a threshold was computed from."""

    method: Literal["half", "all", "leave-one-out"]
    """`half`: one half of the images, as the other half was evaluated on. `all`: all images. `leave-one-out`: all
    images, each scored with the statistics of the others."""
    normal: int
    anomalous: int

    def check_ranges(self) -> None:
        """Raise ValueError if a number of images is negative."""
        if min(self.normal, self.anomalous) < 0:
            raise ValueError(f"a threshold from {self.normal} normal and {self.anomalous} anomalous images")


@dataclass(frozen=True)
class DetectorHeader(Header):
    """The metadata of a detector: everything except the score's statistics."""

    KIND: ClassVar[str] = "detector"
    FORMAT: ClassVar[int] = 1
    HINT: ClassVar[str | None] = "create one: aecli calibrate --model MODEL --normal DATA -o DETECTOR.safetensors"

    score: str
    threshold: float
    """An image with a larger score is an anomaly."""
    model_fingerprint: str
    normal: DataSource
    """The normal images that the detector was fitted and evaluated on."""
    map_reduction: str = DEFAULT_REDUCTION
    """How a score of maps becomes one number for each image; see `aecli.detection.reductions`."""
    uses_model_statistics: bool = False
    """Whether the score's statistics are those of the model's training images, which its file holds."""
    tiles: Tiling | None = None
    """The tiles that images are cut into; None for whole images."""
    quantile: float | None = None
    """Fraction of normal images below the threshold; None if the threshold was not chosen by it."""
    basis: ThresholdBasis | None = None
    """The images that the threshold comes from; None if they were not recorded."""
    anomalous: DataSource | None = None
    logistic: Logistic | None = None
    normal_maps: NormalMaps | None = None
    """The maps of normal images: of the score, or the error maps if the score has no maps. None in older files."""
    measured: dict[str, Any] = field(default_factory=dict)
    """Metrics on images that the detector was not fitted on: a `ScoreReport` and the numbers of images."""
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def check_ranges(self) -> None:
        """Raise ValueError if the score or the reduction of its maps is unknown."""
        if self.score not in score_names():
            raise ValueError(f"unknown score '{self.score}'")
        for part in (self.basis, self.normal_maps):
            if part is not None:
                part.check_ranges()
        try:
            check_reduction(self.map_reduction)
        except UsageError as error:
            raise ValueError(f"unknown reduction of maps '{self.map_reduction}'") from error


@dataclass(frozen=True)
class Detector:
    """A fitted score with a threshold."""

    header: DetectorHeader
    statistics: Statistics

    @cached_property
    def _score(self) -> Score | MapScore:
        return find_score(self.header.score)

    @property
    def has_maps(self) -> bool:
        """Whether the score rates each position of an image."""
        return isinstance(self._score, MapScore)

    def scores(self, output: ModelOutput) -> NDArray[np.float32]:
        """Return the scores of N images, (N,); errors are those of `apply`."""
        return self.apply(output)[0]

    def apply(self, output: ModelOutput) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the scores of N images, (N,), and their maps, (N, h, w), or None if the score has no maps.

        Raises:
            InputError: a statistic is missing or does not fit the model's output, or a score is not finite.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                features = self._score.measure(output)
                scores, maps = apply_score(self._score, features, self.statistics, self.header.map_reduction)
            if not np.isfinite(scores).all():
                raise ValueError("a score that is not finite")
        except KeyError as error:
            raise InputError(f"damaged detector: its statistics lack {error} of score {self.header.score}") from error
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(
                f"damaged detector: its statistics do not fit score {self.header.score}: {error}"
            ) from error
        return scores, maps

    def with_threshold(self, threshold: float) -> "Detector":
        """Return a copy with another threshold."""
        return Detector(replace(self.header, threshold=threshold, quantile=None, basis=None), self.statistics)

    def with_tiles(self, tiles: Tiling | None) -> "Detector":
        """Return a copy that cuts images into other tiles, or that takes whole images."""
        return Detector(replace(self.header, tiles=tiles), self.statistics)


def default_detector(header: CheckpointHeader, model_fingerprint: str) -> Detector:
    """Return the detector of a checkpoint without calibration, without the statistics that its model holds.

    It flags scores above the 99% quantile of the validation images, which the checkpoint stores: residuals, or of a
    model of features the score that it names. The quantile is that of a `conformal_threshold`, interpolated.
    """
    quantiles, count = header.score_quantiles or header.residual_quantiles, header.validation.images
    rank = ceil((count + 1) * DEFAULT_QUANTILE)
    probability = min((rank - 1) / max(count - 1, 1), 1.0)
    threshold = float(np.interp(probability, quantiles.probabilities, quantiles.values))
    return Detector(
        DetectorHeader(
            header.default_score,
            threshold,
            model_fingerprint,
            header.validation,
            uses_model_statistics=header.task == "features",
            quantile=DEFAULT_QUANTILE,
            normal_maps=header.normal_maps,
            tiles=conversion_of(header).tiles,
        ),
        {},
    )


def detector_for(model: Model, detector: Detector | Path | None) -> Detector:
    """Return the detector to use with a model: the given one, else that of the run folder, else the default.

    The folder of a model file is a run folder if the file has the name that runs use.

    Raises:
        InputError: the detector is missing, damaged, or was made for another model.
    """
    path = _run_detector(model) if detector is None else detector
    if path is None:
        return _with_statistics(default_detector(model.header, model.fingerprint), model)
    found = load_detector(path) if isinstance(path, Path) else path
    if found.header.model_fingerprint != model.fingerprint:
        file = path if isinstance(path, Path) else DETECTOR_FILE
        raise InputError(
            f"the detector {f'{path} ' if isinstance(path, Path) else ''}was made for another model "
            f"({short_fingerprint(found.header.model_fingerprint)}, not {short_fingerprint(model.fingerprint)})",
            hint=f"create one: aecli calibrate --model {model.path or 'MODEL'} --normal DATA -o {file}",
        )
    return _with_statistics(found, model)


def _with_statistics(detector: Detector, model: Model) -> Detector:
    """Return the detector with the statistics of the model's training images, if it uses these."""
    if not detector.header.uses_model_statistics:
        return detector
    return Detector(detector.header, model.normal_statistics.get(detector.header.score, {}))


def _run_detector(model: Model) -> Path | None:
    """Return the detector file in the model's run folder; None if there is none."""
    if model.path is None:
        return None
    run_folder = model.path.parent if model.path.name in {MODEL_FILE, ONNX_FILE} else model.path
    path = run_folder / DETECTOR_FILE
    return path if path.exists() else None


def save_detector(detector: Detector, path: Path) -> None:
    """Write a detector atomically; equal detectors give equal bytes.

    Raises:
        UnavailableError: the file cannot be written.
    """
    from safetensors.numpy import save

    kept = {} if detector.header.uses_model_statistics else detector.statistics
    arrays = {name: np.ascontiguousarray(array) for name, array in kept.items()}
    with atomic_write(path) as file:
        file.write(save(arrays, metadata={METADATA_KEY: detector.header.to_json()}))


def load_detector(path: Path) -> Detector:
    """Read a detector that `save_detector` wrote.

    Raises:
        InputError: the file is missing, damaged or not a detector.
    """
    from safetensors import SafetensorError, safe_open

    require_file(path, "detector")
    try:
        with safe_open(path, framework="np") as tensors:
            text = (tensors.metadata() or {}).get(METADATA_KEY)
            statistics = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise unreadable_tensors(path, DetectorHeader.KIND, DetectorHeader.HINT, error) from error
    if text is None:
        raise InputError(f"not made by aecli: {path}", hint="aecli calibrate creates detectors")
    header = DetectorHeader.from_json(text, path)
    _check_statistics(statistics, path)
    return Detector(header, statistics)


def is_detector(path: Path) -> bool:
    """Return whether the metadata of a `.safetensors` file identifies it as a detector.

    Raises:
        InputError: the file is missing, damaged or not made by aecli.
    """
    try:
        return bool(parse_json(read_metadata(path)).get("kind") == DetectorHeader.KIND)
    except (ValueError, AttributeError, RecursionError):
        return False


def _check_statistics(statistics: Mapping[str, NDArray[Any]], path: Path) -> None:
    for name, array in statistics.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise InputError(f"damaged detector: {path}: {name} is not an array of finite float32 numbers")


def require_threshold(threshold: float | None) -> None:
    """Check that a threshold is finite.

    Raises:
        UsageError: the threshold is infinite or not a number.
    """
    if threshold is not None and not np.isfinite(threshold):
        raise UsageError(f"--threshold must be a finite number, not {threshold}")
