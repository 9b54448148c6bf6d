"""Training runs side by side: what they cost, how they went, what their codes are worth on the same images."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from aecli import inference
from aecli.analyses.classification import most_probable
from aecli.analyses.intervals import Estimate
from aecli.analyses.knn_probe.features import code_features
from aecli.analyses.knn_probe.labeled_draws import match_labels
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import Accuracy, probe
from aecli.checkpoint import DETECTOR_FILE, CheckpointHeader, read_header, resolve_checkpoint
from aecli.checkpoint.run_folder import EpochMetrics, RunFolder
from aecli.data import DataOptions, ImageSet, load, matched_labels, resolve
from aecli.detection.detector import load_detector
from aecli.errors import AecliError, InputError
from aecli.inference.model import Model
from aecli.inference.torch_classifier import TorchClassifier
from aecli.recipes.schema import Recipe
from aecli.runtime.progress import Progress
from aecli.storage.paths import short_names

TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Run:
    """A run folder, as far as its files tell."""

    name: str
    header: CheckpointHeader
    history: Sequence[EpochMetrics]
    auroc: float | None
    """Of the detector in the run folder, where it was measured with anomalies."""
    reached_epoch: int | None = None
    """The first epoch after which it was as good as the worst of the comparable runs ever got."""

    @property
    def code_units(self) -> int:
        return prod(self.header.code_shape)

    @property
    def protocol(self) -> tuple[object, ...]:
        """What must be the same for validation figures to be comparable."""
        header, recipe = self.header, Recipe.from_dict(self.header.recipe, self.name)
        asked = recipe.objective, recipe.penalty, recipe.corruption
        return header.task, header.image_shape, header.validation.fingerprint, *asked


@dataclass(frozen=True)
class Measured:
    """A run's figures on the test images."""

    run: Run
    residual: float | None
    """Mean L2 norm of the error in the model's normalized units; of an autoencoder."""
    mse: float | None
    """Mean squared error of the pixels in 0..255; of an autoencoder."""
    knn: Accuracy | None
    """Of k-NN on the codes with few labels; of an autoencoder, where labels are known."""
    accuracy: Estimate | None
    """Of a classifier, where labels are known."""
    images_per_second: float
    """Encoding, or classifying."""

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values."""
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
            "images_per_second": self.images_per_second,
            "history": [asdict(epoch) for epoch in run.history],
        }


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read the files of run folders.

    Raises:
        InputError: one of them is none, or is damaged.
    """
    runs = [_read_run(folder, name) for folder, name in zip(folders, short_names(folders), strict=True)]
    return [replace(run, reached_epoch=_reached(run, runs)) for run in runs]


def common_test_word(runs: Sequence[Run]) -> str | None:
    """Return the DATA word of the test images that go with all runs' training images; None where there is none."""
    words = {_test_split(run.header.data.word) for run in runs}
    return words.pop() if len(words) == 1 else None


def measure(
    run: Run, folder: Path, test: str | None, probing: KNNProbeOptions, options: DataOptions, progress: Progress
) -> Measured:
    """Measure a run on test images; its codes with labels of its training images.

    Raises:
        InputError: images or model cannot be read.
    """
    shape = run.header.image_shape
    word = test or run.header.validation.word
    images = load(word, options, image_shape=shape, skip_damaged=True, progress=progress)
    if run.header.task == "classifier":
        classifier = inference.load_classifier(folder)
        speed = _speed(classifier.classify, images)
        return Measured(run, None, None, None, _accuracy(classifier, images), speed)
    model = inference.load(folder)
    residuals, errors = _errors(model, images)
    knn = _probe(run, model, images, probing, options, progress) if test else None
    return Measured(run, residuals, errors, knn, None, _speed(model.encode, images))


def _read_run(folder: Path, name: str) -> Run:
    header = read_header(resolve_checkpoint(folder).file)
    files = RunFolder(folder)
    if not folder.is_dir() or not files.metrics.exists():
        raise InputError(f"no run folder: {folder}", hint="name folders that aecli train wrote")
    auroc = None
    if (folder / DETECTOR_FILE).exists():
        separation = load_detector(folder / DETECTOR_FILE).header.measured.get("separation")
        auroc = separation["auroc"]["value"] if separation else None
    return Run(name, header, files.load_metrics(), auroc)


def _reached(run: Run, runs: Sequence[Run]) -> int | None:
    """The first epoch with a validation figure as good as the best one of the worst comparable run."""
    alike = [other for other in runs if other.protocol == run.protocol]
    if len(alike) < 2:
        return None
    target = max(min(map(_badness, other.history)) for other in alike)
    return next(metrics.epoch for metrics in run.history if _badness(metrics) <= target)


def _badness(metrics: EpochMetrics) -> float:
    return metrics.val_loss if metrics.val_accuracy is None else -metrics.val_accuracy


def _test_split(word: str) -> str | None:
    try:
        ref = resolve(word)
    except AecliError:
        return None
    if ref.split != "train" or "test" not in (ref.source.splits() or ("test",)):
        return None
    return f"{ref.name}:test" + (f"@{ref.classes}" if ref.classes else "")


def _errors(model: Model, images: ImageSet) -> tuple[float, float]:
    outputs = list(model.outputs(images.images))
    residuals = np.concatenate([output.residual_l2 for output in outputs])
    squares = [np.square(output.images - output.reconstructions).mean(axis=(1, 2, 3)) for output in outputs]
    return float(residuals.mean()), float(np.concatenate(squares).mean())


def _probe(
    run: Run, model: Model, images: ImageSet, probing: KNNProbeOptions, options: DataOptions, progress: Progress
) -> Accuracy | None:
    """The accuracy of k-NN with labels drawn from the training images; None where labels are not known."""
    labeled = load(run.header.data.word, options, image_shape=model.image_shape, skip_damaged=True, progress=progress)
    if labeled.labels is None or images.labels is None:
        return None
    codes = [inference.encode(model, each, progress=progress) for each in (labeled, images)]
    found = probe({"codes": code_features(*codes)}, match_labels(*codes), probing, progress)
    return found.accuracies[0]


def _accuracy(classifier: TorchClassifier, images: ImageSet) -> Estimate | None:
    truth = matched_labels(images, classifier.class_names)
    return most_probable(classifier.classify(images.images), truth).accuracy


def _speed(work: Callable[[Any], Any], images: ImageSet) -> float:
    """Images a second, over as many passes as take half a second."""
    done, started = 0, time.monotonic()
    while (seconds := time.monotonic() - started) < TIMED_SECONDS:
        work(images.images)
        done += len(images)
    return done / seconds
