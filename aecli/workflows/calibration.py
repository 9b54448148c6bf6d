"""Calibrate a detector for a model, on data sets or on images in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aecli.data import DataOptions, DataRef, Failure, ImageSet, load, resolve
from aecli.data.conversion import Conversion
from aecli.data.mask_folder import with_masks
from aecli.data.normal_classes import normal_and_anomalous
from aecli.detection.calibration import Calibration, calibrate
from aecli.detection.detector import Detector, save_detector
from aecli.detection.options import CalibrationOptions
from aecli.detection.score_report import ScoreReport
from aecli.detection.scores import MapScore, find_score, score_names
from aecli.detection.tile_options import TileOptions
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model
from aecli.runtime.progress import Progress, silent
from aecli.storage.run_files import DETECTOR_FILE

AS_TRAINED = TileOptions()


@dataclass(frozen=True, repr=False)
class CalibrationResult:
    """A calibrated detector, and its metrics on images that it was not fitted on."""

    calibration: Calibration
    """The detector, the metrics and the scores that they come from."""
    normal: ImageSet
    anomalous: ImageSet | None

    @property
    def detector(self) -> Detector:
        """The detector, which `aecli.detect` takes."""
        return self.calibration.detector

    @property
    def score(self) -> str:
        """The name of the detector's score."""
        return self.detector.header.score

    @property
    def threshold(self) -> float:
        """Images with a larger score are anomalies."""
        return self.detector.header.threshold

    @property
    def reports(self) -> Sequence[ScoreReport]:
        """The metrics of the detector's score; with anomalous images then those of all others by decreasing AUROC."""
        return self.calibration.reports

    @property
    def baselines(self) -> Sequence[ScoreReport]:
        """The metrics of trivial baselines, which use no model; empty without anomalous images."""
        return self.calibration.baselines

    @property
    def sets(self) -> tuple[ImageSet, ...]:
        """The normal images and, if there are any, the anomalous ones."""
        return (self.normal,) if self.anomalous is None else (self.normal, self.anomalous)

    @property
    def notes(self) -> list[str]:
        """Notes on how the images were read."""
        return [f"{images.word}: {note}" for images in self.sets for note in images.notes]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Images that were left out because they could not be read."""
        return tuple(failure for images in self.sets for failure in images.failures)

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt the images, the threshold or the metrics."""
        on_images = [f"{images.word}: {warning}" for images in self.sets for warning in images.warnings]
        return [*on_images, *self.calibration.warnings]

    def save(self, path: Path | str) -> Path:
        """Write the detector to a `.safetensors` file, or to `detector.safetensors` in a run folder.

        The detector in a run folder is the default of `aecli detect` and `aecli.detect`. Returns the file's path.

        Raises:
            UnavailableError: the file cannot be written.
        """
        path = Path(path)
        path = path / DETECTOR_FILE if path.is_dir() else path
        save_detector(self.detector, path)
        return path

    def plot(self, path: Path | str, *, dpi: int | None = None) -> None:
        """Draw the scores as box plot and histograms with the threshold, and the ROC curve.

        The file is PNG, SVG or PDF, by its suffix; `dpi` is the resolution of a PNG file, by default 150.

        Raises:
            UsageError: the suffix is another one.
            UnavailableError: the file cannot be written.
        """
        from aecli.plots import calibration

        calibration.draw(self.calibration, Path(path), dpi)

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value}" for name, value in self.reports[0].as_lines().items())
        return f"<CalibrationResult: {self.score}, anomalies score above {self.threshold:.6g}; {metrics}>"


def run_calibration(
    model: Model,
    normal: DataRef | ImageSet,
    anomalous: DataRef | ImageSet | None,
    options: CalibrationOptions,
    data_options: DataOptions,
    progress: Progress = silent,
    *,
    masks: Path | None = None,
    tiles: TileOptions = AS_TRAINED,
) -> CalibrationResult:
    """Read the images, fit a detector on one half of them, and evaluate it on the other half.

    `masks` is a folder of masks of the anomalous images; without it, the masks are those that their set has.

    Raises:
        InputError: an image set is missing, there are too few images, or none of the masks can be used.
        UsageError: an option is invalid, or there is nothing that the masks can be used for.
        UnavailableError: a data set, a package or memory is not available.
    """
    options.check()
    if masks is not None:
        _require_use_of_masks(anomalous, options)
    tiles.check()
    conversion = replace(model.conversion, tiles=tiles.chosen(model.conversion.tiles))
    normal_images = _images(normal, conversion, data_options, progress)
    anomalous_images = None if anomalous is None else _images(anomalous, conversion, data_options, progress)
    if masks is not None and anomalous_images is not None:
        ref = anomalous if isinstance(anomalous, DataRef) else None
        anomalous_images = with_masks(anomalous_images, masks, ref, data_options)
    calibration = calibrate(model, normal_images, anomalous_images, options, progress)
    if masks is not None and not calibration.pixels.metrics:
        reason = next(iter(calibration.pixels.warnings), "no score of this model has maps")
        raise InputError(f"the masks in {masks} cannot be used: {reason}", hint="leave out --masks")
    return CalibrationResult(calibration, normal_images, anomalous_images)


def _require_use_of_masks(anomalous: DataRef | ImageSet | None, options: CalibrationOptions) -> None:
    """Check that there are anomalous images, and that the score has maps to compare their masks with.

    Raises:
        UsageError: it is not so.
    """
    if anomalous is None:
        raise UsageError("masks mark the defects of anomalous images", hint="name these with --anomalous DATA")
    if options.score is not None and not isinstance(find_score(options.score), MapScore):
        with_maps = ", ".join(name for name in score_names() if isinstance(find_score(name), MapScore))
        raise UsageError(f"score {options.score} has no maps to compare masks with", hint=f"choose one of {with_maps}")


def resolve_kind(word: str, kind: Literal["normal", "anomalous"], options: DataOptions) -> tuple[DataRef, bool]:
    """Resolve the DATA word of normal or of anomalous images.

    A word that names a whole set with normal training images, such as one of MVTec AD, stands for its normal, or its
    anomalous, test images.

    Returns:
        The images, and whether they were chosen from a whole set.

    Raises:
        InputError: there is no such data, or it is damaged.
        UnavailableError: a package is not installed.
    """
    ref = resolve(word)
    if found := normal_and_anomalous(ref, options):
        return found[0 if kind == "normal" else 1], True
    return ref, False


def _images(images: DataRef | ImageSet, conversion: Conversion, options: DataOptions, progress: Progress) -> ImageSet:
    if not isinstance(images, ImageSet):
        return load(images, options, conversion, skip_damaged=True, progress=progress)
    if conversion.tiles and images.tiles is None:
        raise InputError("images in memory cannot be cut into tiles", hint="name a folder of image files")
    return images
