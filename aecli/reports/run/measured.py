"""All that a report on a run shows: its files, and what the model does with images."""

from dataclasses import dataclass
from typing import Any

from aecli import inference
from aecli.analyses.embedding import Embedding
from aecli.checkpoint import ModelRef
from aecli.data import DataOptions, DataRef, Failure
from aecli.detection.detector import detector_for
from aecli.errors import AecliError
from aecli.inference.model import Model
from aecli.reports.run.classification import Classifications, measure_classification
from aecli.reports.run.detection import MeasuredDetector, measure_detector
from aecli.reports.run.embedding import embed_codes
from aecli.reports.run.few_labels import FewLabels, has_classes, measure_few_labels
from aecli.reports.run.files import RunFiles, read_run_files
from aecli.reports.run.images import ReportImages, report_images, training_images
from aecli.reports.run.not_measured import NotMeasured
from aecli.reports.run.options import RunReportOptions
from aecli.reports.run.reconstructions import Reconstructions, measure_reconstructions
from aecli.reports.run.scores import Scores, measure_scores
from aecli.reports.run.sizes import Sizes, measure_sizes
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class MeasuredRun:
    """A run, measured. Parts that its model or its images do not have are None; of others, there may be a reason."""

    files: RunFiles
    images: ReportImages | NotMeasured
    reconstructions: Reconstructions | None = None
    scores: Scores | None = None
    classifications: Classifications | None = None
    embedding: Embedding | NotMeasured | None = None
    few_labels: FewLabels | NotMeasured | None = None
    sizes: Sizes | NotMeasured | None = None
    detector: MeasuredDetector | None = None
    notes: tuple[str, ...] = ()
    """How the model was loaded."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The images that could not be read."""
        return () if isinstance(self.images, NotMeasured) else self.images.images.failures

    @property
    def image_notes(self) -> tuple[str, ...]:
        """How images were read."""
        return () if isinstance(self.images, NotMeasured) else self.images.images.notes

    @property
    def summary(self) -> str:
        """What was measured on which images, in a line."""
        if isinstance(self.images, NotMeasured):
            return "without images"
        parts = [self.images.description]
        if self.reconstructions is not None:
            parts.append(f"mean squared error {self.reconstructions.mse.mean():,.1f}")
        if self.classifications is not None and self.classifications.accuracy is not None:
            parts.append(f"accuracy {self.classifications.accuracy.value:.4f}")
        if self.scores is not None:
            parts.append(f"{self.scores.above:,} above the threshold of {self.scores.detector.header.score}")
        return ": ".join([parts[0], ", ".join(parts[1:])]) if parts[1:] else parts[0]

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt what is measured."""
        images = self.images
        if isinstance(images, NotMeasured):
            return [f"the report has no images: {images.reason}", *self.files.notes]
        return [*images.warnings, *images.images.warnings, *self.files.notes]

    def to_dict(self) -> dict[str, Any]:
        """Return all that is measured as plain values."""
        images, embedding = self.images, self.embedding
        shown = {"reason": images.reason} if isinstance(images, NotMeasured) else _images_to_dict(images)
        parts = {
            "reconstructions": self.reconstructions,
            "scores": self.scores,
            "classifications": self.classifications,
            "few_labels": self.few_labels,
            "sizes": self.sizes,
            "detector": self.detector,
        }
        return {
            **self.files.to_dict(),
            "images": shown,
            **{name: _part_to_dict(part) for name, part in parts.items()},
            "map": embedding.to_dict() if isinstance(embedding, Embedding) else _part_to_dict(embedding),
            "warnings": self.warnings,
        }


def measure_run(
    ref: ModelRef,
    data: DataRef | None = None,
    options: RunReportOptions | None = None,
    data_options: DataOptions | None = None,
    *,
    device: str = "auto",
    progress: Progress = silent,
) -> MeasuredRun:
    """Measure a run on images.

    Args:
        ref: The run folder, from `resolve_run`.
        data: The images; None for the validation images of the run, without which only its files are described.
        options: What is measured, and how much of it.
        data_options: How images are read.
        device: The torch device.
        progress: Reports each stage.

    Raises:
        InputError: the model or the images `data` cannot be read.
        UnavailableError: the device, a data set or a package is not available.
    """
    options, data_options = options or RunReportOptions(), data_options or DataOptions()
    files = read_run_files(ref)
    if files.header.task == "classifier":
        classifier = inference.load_classifier(files.model, device=device)
        images = report_images(classifier, data, options.seed, data_options, progress)
        if isinstance(images, NotMeasured):
            return MeasuredRun(files, images)
        classified = measure_classification(classifier, images.images, options.examples, progress)
        return MeasuredRun(files, images, classifications=classified)
    model = inference.load(files.model, device=device)
    detector = None
    if files.detector is not None:
        known = detector_for(model, files.detector)
        detector = measure_detector(model, known, options.examples, data_options, progress)
    images = report_images(model, data, options.seed, data_options, progress)
    if isinstance(images, NotMeasured):
        return MeasuredRun(files, images, detector=detector, notes=model.notes)
    shown = images.images
    codes = inference.encode(model, shown, progress=progress)
    return MeasuredRun(
        files,
        images,
        reconstructions=measure_reconstructions(model, shown, options.examples, progress) if model.has_images else None,
        scores=None if model.has_images else _scores(model, images, options, progress),
        embedding=embed_codes(codes, options, progress),
        few_labels=_few_labels(model, images, options, data_options, progress),
        sizes=_sizes(model, files, images, options, device, progress) if model.has_images else None,
        detector=detector,
        notes=model.notes,
    )


def _scores(model: Model, images: ReportImages, options: RunReportOptions, progress: Progress) -> Scores:
    return measure_scores(model, detector_for(model, None), images.images, options.examples, progress)


def _few_labels(
    model: Model, images: ReportImages, options: RunReportOptions, data_options: DataOptions, progress: Progress
) -> FewLabels | NotMeasured | None:
    if not has_classes(images.images):
        return None
    training = training_images(model, images, data_options, progress)
    if isinstance(training, NotMeasured):
        return training
    return measure_few_labels(model, training, images.images, options, progress)


def _sizes(
    model: Model, files: RunFiles, images: ReportImages, options: RunReportOptions, device: str, progress: Progress
) -> Sizes | NotMeasured:
    try:
        return measure_sizes(model, files.model, images.images, options.seed, device, progress)
    except AecliError as error:
        return NotMeasured(error.message)


def _images_to_dict(images: ReportImages) -> dict[str, Any]:
    shown = images.images
    return {
        "word": shown.word,
        "fingerprint": shown.fingerprint,
        "count": shown.image_count,
        "description": images.description,
        "trained_images": images.trained,
        "failed": len(shown.failures),
    }


def _part_to_dict(part: Any) -> Any:
    if isinstance(part, NotMeasured):
        return {"reason": part.reason}
    return part and part.to_dict()
