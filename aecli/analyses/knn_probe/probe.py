"""How well codes separate classes when few labels are known: many draws of labels, several methods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.knn_probe.features import Features
from aecli.analyses.knn_probe.label_spreading import neighbor_graph, normalized, spread
from aecli.analyses.knn_probe.labeled_draws import ProbeLabels, draw_labeled
from aecli.analyses.knn_probe.linear import Scaling, classify_linearly
from aecli.analyses.knn_probe.options import CONFIDENCE, GRAPH_NEIGHBORS, KNNProbeOptions
from aecli.analyses.neighbors import NeighborSearch
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import parallel_for
from aecli.storage.labels import UNLABELED

Draws = Sequence[NDArray[np.int64]]
"""The indices of the labeled training codes, for each draw."""
Classifier = Callable[[Draws], Iterator[NDArray[np.int64]]]
"""Yields the predicted classes of all test codes, (M,), for each draw."""


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of one method on one kind of features with one number of labels."""

    labels: int
    features: str
    method: str
    draws: tuple[float, ...]
    """Accuracy of each draw, 0 to 1."""

    @cached_property
    def mean(self) -> float:
        return float(np.mean(self.draws))

    @cached_property
    def standard_deviation(self) -> float | None:
        """Standard deviation of single draws; None for one draw."""
        return float(np.std(self.draws, ddof=1)) if len(self.draws) > 1 else None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95% confidence interval of the mean over draws by Student's t, clipped to 0..1; None for one draw."""
        if self.standard_deviation is None:
            return None
        from scipy.special import stdtrit

        count = len(self.draws)
        half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * self.standard_deviation / count**0.5
        return max(self.mean - half, 0.0), min(self.mean + half, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain values."""
        return {
            "labels": self.labels,
            "features": self.features,
            "method": self.method,
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "confidence_interval": self.interval,
            "draws": self.draws,
        }


@dataclass(frozen=True)
class ProbeResult:
    """The accuracies of all methods on all features, sorted by number of labels."""

    accuracies: tuple[Accuracy, ...]
    tested: int
    """Number of test codes with a label."""
    available: int
    """Number of training codes with a label."""
    notes: tuple[str, ...]
    """Messages for the user about missing labels and classes."""
    chance: float = 0.0
    """Accuracy of always predicting the most frequent class of the labeled test codes."""

    def best(self, labels: int) -> Accuracy:
        """Return the highest mean accuracy with this number of labels; the first one on a tie."""
        return max((row for row in self.accuracies if row.labels == labels), key=lambda row: row.mean)


def probe(
    features: Mapping[str, Features],
    labels: ProbeLabels,
    options: KNNProbeOptions,
    progress: Progress = silent,
) -> ProbeResult:
    """Classify test codes by a few labeled training codes, with several methods and many random draws of labels.

    Args:
        features: Features of the same images in the same order, by name. All of them, and all methods, get the same
            draws.
        labels: The labels of the training and test codes.
        options: The numbers of labels, the draws and the methods.
        progress: Reports the draws by which the test codes are classified, over all features and methods.

    Raises:
        UsageError: more labels are requested than available, or fewer than the number of neighbors.
    """
    draws = {
        count: draw_labeled(labels.train, count, options.draws, balance=options.balance, seed=options.seed)
        for count in options.label_counts(labels.available)
    }
    is_labeled = labels.test != UNLABELED
    tested = int(is_labeled.sum())
    rows = []
    done, total = 0, len(features) * len(options.method_names) * sum(map(len, draws.values()))
    for name, vectors in features.items():
        for method in options.method_names:
            classify = _classifier(method, vectors, labels, options)
            for count, drawn in draws.items():
                accuracies = []
                for predicted in classify(drawn):
                    accuracies.append(float((predicted == labels.test)[is_labeled].mean()))
                    done += 1
                    progress("probing draws", done, total)
                rows.append(Accuracy(count, name, method, tuple(accuracies)))
    rows.sort(key=lambda row: row.labels)
    chance = float(np.bincount(labels.test[is_labeled]).max() / tested)
    return ProbeResult(tuple(rows), tested, labels.available, tuple(_notes(labels, list(draws), options)), chance)


def _classifier(
    method: str,
    features: Features,
    labels: ProbeLabels,
    options: KNNProbeOptions,
) -> Classifier:
    match method:
        case "knn-euclidean" | "knn-cosine":
            return _k_nearest(features, labels, options.neighbors, metric=method.removeprefix("knn-"))
        case "linear":
            return _linear(features, labels)
        case "label-spreading":
            return _label_spreading(features, labels)
    raise ValueError(f"method of METHODS without a classifier: {method}")


def _k_nearest(features: Features, labels: ProbeLabels, neighbors: int, metric: str) -> Classifier:
    search = NeighborSearch(features.train, features.test, metric)

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        for indices in draws:
            found = search.nearest(neighbors, subset=indices)
            yield _vote(labels.train[indices][found], len(labels.class_names))

    return classify


def _vote(votes: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the most frequent class of each row of (M, k) votes, (M,); the first class on a tie."""
    if votes.shape[1] == 1:
        return votes[:, 0]
    counts = np.zeros((len(votes), classes), np.int64)
    np.add.at(counts, (np.arange(len(votes))[:, None], votes), 1)
    winners: NDArray[np.int64] = counts.argmax(axis=1)
    return winners


def _linear(features: Features, labels: ProbeLabels) -> Classifier:
    scaling = Scaling.of(features.train)
    train, test = scaling(features.train), scaling(features.test)

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        predicted = np.empty((len(draws), len(test)), np.int64)

        def fit(draw: int) -> None:
            indices = draws[draw]
            predicted[draw] = classify_linearly(train[indices], labels.train[indices], test)

        parallel_for(fit, range(len(draws)))
        yield from predicted

    return classify


def _label_spreading(features: Features, labels: ProbeLabels) -> Classifier:
    all_features = np.concatenate([features.train, features.test])
    graph = normalized(neighbor_graph(all_features, GRAPH_NEIGHBORS))

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        for predicted in spread(graph, labels.train, draws, len(labels.class_names)):
            yield predicted[len(features.train) :]

    return classify


def _notes(labels: ProbeLabels, counts: Sequence[int], options: KNNProbeOptions) -> Iterator[str]:
    for role, role_labels, effect in (
        ("training", labels.train, "never drawn"),
        ("test", labels.test, "not counted"),
    ):
        if missing := int((role_labels == UNLABELED).sum()):
            yield f"{missing:,} of the {len(role_labels):,} {role} codes without a label: {effect}"
    if labels.unseen:
        lost = sum(int((labels.test == labels.class_names.index(name)).sum()) for name in labels.unseen)
        yield f"no training code has class {', '.join(labels.unseen)}: {counted(lost, 'test code')} cannot be predicted"
    sizes = np.bincount(labels.train[labels.train != UNLABELED])
    sizes = sizes[sizes > 0]
    for count in counts:
        if not options.balance or count == sizes.sum():
            continue
        if count < len(sizes):
            yield f"{counted(count, 'label')} for {len(sizes)} classes: each draw takes {count} random classes"
        elif sizes.min() < count // len(sizes):
            yield f"{counted(count, 'label')}: not balanced, because the smallest class has only {sizes.min()}"
