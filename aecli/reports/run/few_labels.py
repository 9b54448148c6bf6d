"""How well codes separate classes when few labels are known, for the table of a report on a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aecli import inference
from aecli.analyses.knn_probe.labeled_draws import match_labels
from aecli.analyses.knn_probe.probe import Accuracy, ProbeResult
from aecli.analyses.sampling import draw_sample
from aecli.data import UNLABELED, ImageSet
from aecli.errors import InputError
from aecli.inference.model import Model
from aecli.reports.held_out import divided
from aecli.reports.knn_probe import probe_codes
from aecli.reports.run.not_measured import NotMeasured
from aecli.reports.run.options import RunReportOptions
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress

MOST_TRAINING, MOST_TESTED = 10_000, 5_000
"""The most images whose labels are drawn, and the most images that are classified."""


@dataclass(frozen=True)
class FewLabels:
    """Accuracies by number of labels, features and method."""

    result: ProbeResult
    description: str
    """Which images the labels are drawn from, and which are classified."""

    @property
    def accuracies(self) -> Sequence[Accuracy]:
        """The rows, sorted by the number of labels."""
        return self.result.accuracies

    def to_dict(self) -> dict[str, object]:
        """Return the accuracies as plain values."""
        return {"description": self.description, "accuracies": [row.to_dict() for row in self.accuracies]}


def has_classes(images: ImageSet) -> bool:
    """Return whether at least two classes occur among the images."""
    return images.labels is not None and len(np.unique(images.labels[images.labels != UNLABELED])) > 1


def measure_few_labels(
    model: Model, training: ImageSet, tested: ImageSet, options: RunReportOptions, progress: Progress
) -> FewLabels | NotMeasured:
    """Classify images by few labels of the training images; the reason is returned if there are too few of either.

    Args:
        model: The model.
        training: The images whose labels are drawn.
        tested: The images of which those that the model was not trained on are classified.
        options: The numbers of labels and the seed.
        progress: Reports the images that are encoded and classified.
    """
    parts = divided(model, tested)
    if parts is not None and len(parts.trained):
        if not len(parts.others):
            return NotMeasured(
                f"the model was trained on all images of {tested.word}, so that none is left to classify"
            )
        tested = tested.take(parts.others)
    rows = draw_sample(training.labels, len(training), MOST_TRAINING, options.seed)
    training = training if len(rows) == len(training) else training.take(rows)
    kept = draw_sample(tested.labels, len(tested), MOST_TESTED, options.seed)
    tested = tested if len(kept) == len(tested) else tested.take(kept)
    train_codes, codes = (inference.encode(model, each, progress=progress) for each in (training, tested))
    try:
        labels = match_labels(train_codes, codes)
        numbers = _numbers(options.labels, labels.available, len(np.unique(labels.train[labels.train != UNLABELED])))
        if not numbers:
            return NotMeasured(f"only {counted(labels.available, 'label')} of training images")
        probing = options.probing(numbers)
        result = probe_codes(train_codes, codes, probing, lambda: (training, tested), progress=progress).result
    except InputError as error:
        return NotMeasured(error.message)
    description = (
        f"Labels are drawn from {counted(labels.available, 'training image')} of {training.word}; "
        f"{counted(result.tested, 'other image')} of {tested.word} {'is' if result.tested == 1 else 'are'} classified"
    )
    return FewLabels(result, description)


def _numbers(labels: str, available: int, classes: int) -> str:
    """Return the numbers of labels that there are, and that suffice for one of each class."""
    words = [word.strip() for word in labels.split(",")]
    return ",".join(word for word in words if word == "all" or classes <= int(word) <= available)
