"""Compare training runs: their size, their training, and the quality of their codes on the same images."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli import inference
from aecli.analyses.classification import most_probable
from aecli.analyses.intervals import Estimate
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import Accuracy
from aecli.checkpoint import CheckpointHeader, ModelRef, read_header
from aecli.checkpoint.run_folder import EpochMetrics, RunFolder
from aecli.data import DataOptions, DataRef, ImageSet, load, matched_labels, resolve
from aecli.data.image_set import Failure
from aecli.detection.detector import load_detector
from aecli.detection.score_report import metrics_of
from aecli.errors import AecliError, InputError
from aecli.inference.model import Model, conversion_of
from aecli.inference.training_overlap import TrainingOverlap, training_overlap
from aecli.recipes.schema import Recipe
from aecli.reports.held_out import validation_images
from aecli.reports.knn_probe import probe_codes
from aecli.runtime.progress import Progress
from aecli.storage.paths import short_names

if TYPE_CHECKING:
    from aecli.inference.torch_classifier import TorchClassifier

MIN_SECONDS = 0.5
"""How long the speed is measured, at least."""


@dataclass(frozen=True)
class Run:
    """What the files of a run folder contain."""

    name: str
    model: ModelRef
    header: CheckpointHeader
    history: Sequence[EpochMetrics]
    auroc: float | None
    """AUROC of the detector in the run folder; None without a detector or if it was not evaluated on anomalies."""
    reached_epoch: int | None = None
    """The first epoch at which the run is as good as the worst comparable run at its best; None without such a run."""

    @property
    def code_units(self) -> int:
        return prod(self.header.code_shape)

    @property
    def protocol(self) -> tuple[object, ...]:
        """What two runs must have in common for their validation metrics to be comparable."""
        header, recipe = self.header, Recipe.from_dict(self.header.recipe, self.name)
        objective = recipe.objective, recipe.penalty, recipe.corruption
        return header.task, header.image_shape, header.validation.fingerprint, *objective


@dataclass(frozen=True)
class ComparedRun:
    """The metrics of a run on the test images."""

    run: Run
    residual: float | None
    """Mean L2 norm of the reconstruction error in normalized units, of a model of features that of the standardized
    features; None for a classifier."""
    mse: float | None
    """Mean squared error of pixel values in 0..255; None for a classifier or a model of features."""
    knn: Accuracy | None
    """k-NN accuracy on the codes with few labels; None for a classifier, or without labels."""
    accuracy: Estimate | None
    """Accuracy of a classifier; None for an autoencoder, or without labels."""
    overlap: TrainingOverlap
    """Test images that the run was trained on."""
    images_per_second: float
    """Speed of encoding, or of classification."""
    failures: tuple[Failure, ...] = ()
    """The test images that could not be read."""
    notes: tuple[str, ...] = ()
    """How the test images were converted."""
    warnings: tuple[str, ...] = ()
    """What makes the metrics unreliable."""

    def to_dict(self) -> dict[str, Any]:
        """Return all metrics as plain values."""
        run = self.run
        return {
            "run": run.name,
            "parameters": run.header.parameters,
            "code_units": run.code_units,
            **run.header.summary(),
            "reached_epoch": run.reached_epoch,
            "residual": self.residual,
            "mse": self.mse,
            "knn": self.knn.to_dict() if self.knn else None,
            "accuracy": asdict(self.accuracy) if self.accuracy else None,
            "auroc": run.auroc,
            "trained_images": self.overlap.trained_images,
            "warnings": list(self.warnings),
            "failed": len(self.failures),
            "images_per_second": self.images_per_second,
            "history": [asdict(epoch) for epoch in run.history],
        }


def read_runs(models: Sequence[ModelRef]) -> list[Run]:
    """Read the files of run folders.

    Raises:
        InputError: a folder is not a run folder, or is damaged.
    """
    names = short_names([model.path for model in models])
    runs = [_read_run(model, name) for model, name in zip(models, names, strict=True)]
    return [replace(run, reached_epoch=_reached_epoch(run, runs)) for run in runs]


def common_test_word(runs: Sequence[Run]) -> str | None:
    """Return the DATA word of the test split of all runs' training images; None if they have no common one."""
    words = {_test_split(run.header.data.word) for run in runs}
    return words.pop() if len(words) == 1 else None


def measure_runs(
    runs: Sequence[Run],
    test: str | DataRef | None,
    probing: KNNProbeOptions,
    options: DataOptions,
    progress: Progress,
    device: str = "auto",
) -> list[ComparedRun]:
    """Measure each run, as `measure` does."""
    measured = []
    for run in runs:
        measured.append(measure(run, test, probing, options, progress, device))
        progress("comparing runs", len(measured), len(runs))
    return measured


def measure(
    run: Run,
    test: str | DataRef | None,
    probing: KNNProbeOptions,
    options: DataOptions,
    progress: Progress,
    device: str = "auto",
) -> ComparedRun:
    """Measure a run on test images.

    Args:
        run: The run.
        test: The test images, a DATA word or what `resolve` returned for it; None for the run's validation images,
            without k-NN.
        probing: The options of k-NN; labels are drawn from the run's training images.
        options: How images are read.
        progress: Reports the images that are read and encoded.
        device: The torch device of the model.

    Raises:
        InputError: images or the model cannot be read.
        UnavailableError: the device is not available.
    """
    word = test or run.header.validation.word
    images = load(word, options, conversion_of(run.header), skip_damaged=True, progress=progress)
    failures, notes, warnings = tuple(images.failures), tuple(images.notes), tuple(images.warnings)
    if run.header.task == "classifier":
        classifier = inference.load_classifier(run.model, device=device)
        images = images if test else validation_images(classifier, images)
        speed = _speed(classifier.classify, images)
        overlap = training_overlap(classifier, images)
        accuracy = _accuracy(classifier, images)
        warnings += tuple(overlap.warnings)
        return ComparedRun(run, None, None, None, accuracy, overlap, speed, failures, notes, warnings)
    model = inference.load(run.model, device=device)
    images = images if test else validation_images(model, images)
    residual, mse = _errors(model, images)
    knn = _probe(run, model, images, probing, options, progress) if test else None
    overlap, speed = training_overlap(model, images), _speed(model.encode, images)
    warnings += tuple(overlap.warnings)
    return ComparedRun(run, residual, mse, knn, None, overlap, speed, failures, notes, warnings)


def _read_run(model: ModelRef, name: str) -> Run:
    header, folder = read_header(model.file), model.path
    files = RunFolder(folder)
    if not folder.is_dir() or not files.metrics.exists():
        raise InputError(f"not a run folder: {folder}", hint="name folders that aecli train wrote")
    auroc = None
    if files.detector.exists():
        separation = metrics_of(load_detector(files.detector).header, files.detector).separation
        auroc = separation.auroc.value if separation else None
    return Run(name, model, header, files.load_metrics(), auroc)


def _reached_epoch(run: Run, runs: Sequence[Run]) -> int | None:
    """Return the first epoch that is as good as the best epoch of the worst comparable run."""
    comparable = [other for other in runs if other.protocol == run.protocol]
    if len(comparable) < 2:
        return None
    target = max(min(map(_validation_cost, other.history)) for other in comparable)
    return next(metrics.epoch for metrics in run.history if _validation_cost(metrics) <= target)


def _validation_cost(metrics: EpochMetrics) -> float:
    return metrics.val_loss if metrics.val_accuracy is None else -metrics.val_accuracy


def _test_split(word: str) -> str | None:
    try:
        ref = resolve(word)
    except AecliError:
        return None
    if ref.split != "train" or "test" not in (ref.source.splits() or ("test",)):
        return None
    return f"{ref.name}:test" + (f"@{ref.classes}" if ref.classes else "")


def _errors(model: Model, images: ImageSet) -> tuple[float, float | None]:
    """Return the mean residual and the mean squared error, which a model of features does not have."""
    residuals, squares = [], []
    for output in model.outputs(images.images):  # a reconstruction of all images may not fit into memory
        residuals.append(output.residual_l2)
        if model.has_images:
            squares.append(np.square(output.images - output.reconstructions).mean(axis=(1, 2, 3)))
    return float(np.concatenate(residuals).mean()), float(np.concatenate(squares).mean()) if squares else None


def _probe(
    run: Run, model: Model, images: ImageSet, probing: KNNProbeOptions, options: DataOptions, progress: Progress
) -> Accuracy | None:
    """Return the k-NN accuracy with labels drawn from the training images; None if labels are unknown."""
    labeled = load(run.header.data.word, options, model.conversion, skip_damaged=True, progress=progress)
    if labeled.labels is None or images.labels is None:
        return None
    train, test = (inference.encode(model, image_set, progress=progress) for image_set in (labeled, images))
    return probe_codes(train, test, probing, progress=progress).result.accuracies[0]


def _accuracy(classifier: "TorchClassifier", images: ImageSet) -> Estimate | None:
    truth = matched_labels(images, classifier.class_names)
    return most_probable(classifier.classify(images.images), truth).accuracy


def _speed(work: Callable[[Any], Any], images: ImageSet) -> float:
    """Return the images per second of `work`, repeated for half a second."""
    done, started = 0, time.monotonic()
    while (seconds := time.monotonic() - started) < MIN_SECONDS:
        work(images.images)
        done += len(images)
    return done / seconds
