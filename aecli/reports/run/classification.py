"""How well a classifier classifies images: accuracy, confusions, and the errors it is most certain of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.classification import most_probable
from aecli.analyses.intervals import Estimate, proportion_interval
from aecli.data import UNLABELED, ImageSet, matched_labels
from aecli.inference.torch_classifier import TorchClassifier
from aecli.runtime.progress import Progress


@dataclass(frozen=True)
class Classified:
    """One image, and the most probable class."""

    name: str
    label: str | None
    predicted: str
    probability: float
    image: NDArray[np.uint8]
    """(C, H, W)"""


@dataclass(frozen=True)
class Classifications:
    """The classes of all images."""

    accuracy: Estimate | None
    """None if no class is known."""
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    """(K, K): the number of images by true class (rows) and predicted class."""
    examples: Mapping[str, Sequence[Classified]]
    """`errors`, the most certain first; `right`, the least certain first; without known classes `uncertain`."""

    @property
    def recalls(self) -> list[Estimate | None]:
        """For each class the fraction of its images that are classified correctly; None without images."""
        return [
            proportion_interval(int(row[label]), int(row.sum())) if row.any() else None
            for label, row in enumerate(self.confusion)
        ]

    def to_dict(self) -> dict[str, object]:
        """Return the results as plain values."""
        return {
            "accuracy": self.accuracy and asdict(self.accuracy),
            "classes": list(self.class_names),
            "confusion": self.confusion.tolist(),
            "examples": {
                kind: [
                    {"name": each.name, "class": each.label, "predicted": each.predicted, "p": each.probability}
                    for each in group
                ]
                for kind, group in self.examples.items()
            },
        }


def measure_classification(
    classifier: TorchClassifier, images: ImageSet, count: int, progress: Progress
) -> Classifications:
    """Classify all images; `count` is the number of examples of each kind.

    Raises:
        InputError: some of the images' classes are unknown to the classifier, or its results are not finite.
    """
    names = classifier.class_names
    truth = matched_labels(images, names)
    result = most_probable(classifier.classify(images.images, progress), truth)
    known = truth != UNLABELED
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (truth[known], result.labels[known]), 1)
    certain_first = np.argsort(-result.probabilities, kind="stable")
    is_right = result.labels == truth
    kinds = {
        "errors": certain_first[(known & ~is_right)[certain_first]],
        "right": certain_first[(known & is_right)[certain_first]][::-1],
    }
    if not known.any():
        kinds = {"uncertain": certain_first[::-1]}

    def classified(index: int) -> Classified:
        label = None if truth[index] == UNLABELED else names[truth[index]]
        probability = float(result.probabilities[index])
        return Classified(
            str(images.names[index]), label, names[result.labels[index]], probability, images.images[index]
        )

    examples = {kind: [classified(index) for index in indices[:count].tolist()] for kind, indices in kinds.items()}
    return Classifications(result.accuracy, names, confusion, examples)
