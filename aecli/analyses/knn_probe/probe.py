"""How well classes can be told from codes with few labels: many draws of labels, several methods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.knn_probe.features import Features
from aecli.analyses.knn_probe.label_spreading import neighbor_graph, normalized, spread
from aecli.analyses.knn_probe.labeled_draws import UNLABELED, ProbeLabels, draw_labeled
from aecli.analyses.knn_probe.linear import Scaling, classify_linearly
from aecli.analyses.knn_probe.options import CONFIDENCE, GRAPH_NEIGHBORS, KNNProbeOptions
from aecli.analyses.neighbors import cosine, euclidean, nearest
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import parallel_for

Draws = Sequence[NDArray[np.int64]]
Classifier = Callable[[Draws], Iterator[NDArray[np.int64]]]
"""Gives the classes of all test codes, (M,), for each draw of labeled training codes."""


@dataclass(frozen=True)
class Accuracy:
    """How often one method was right with one number of labels."""

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
        """Of single draws; None of one."""
        return float(np.std(self.draws, ddof=1)) if len(self.draws) > 1 else None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean over draws, by Student's t, within 0 and 1; None of one draw."""
        if self.standard_deviation is None:
            return None
        from scipy.special import stdtrit

        count = len(self.draws)
        half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * self.standard_deviation / count**0.5
        return max(self.mean - half, 0.0), min(self.mean + half, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values."""
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
    """The accuracies of all features and methods, by number of labels."""

    accuracies: tuple[Accuracy, ...]
    tested: int
    """Test codes with a label."""
    available: int
    """Training codes with a label."""
    notes: tuple[str, ...]
    """What a person should know of the labels."""

    def best(self, labels: int) -> Accuracy:
        """Return the row of that number of labels with the highest mean, the first of equals."""
        return max((row for row in self.accuracies if row.labels == labels), key=lambda row: row.mean)


def probe(
    features: Mapping[str, Features],
    labels: ProbeLabels,
    options: KNNProbeOptions,
    progress: Progress = silent,
) -> ProbeResult:
    """Classify test codes by a few labeled training codes, drawn again and again, with several methods.

    `features` are of the same images in the same order; every one of them, and every method, gets the same draws.

    Raises:
        UsageError: more labels are asked for than there are, or fewer than neighbors.
    """
    draws = {
        count: draw_labeled(labels.train, count, options.draws, balance=options.balance, seed=options.seed)
        for count in options.label_counts(labels.available)
    }
    tested = labels.test != UNLABELED
    rows = []
    for name, both in features.items():
        for method in options.method_names:
            stage = f"{name}: {method}"
            classify = CLASSIFIERS[method](both, labels, options, progress, stage)
            done, total = 0, sum(map(len, draws.values()))
            for count, drawn in draws.items():
                right = []
                for predicted in classify(drawn):
                    right.append(float((predicted == labels.test)[tested].mean()))
                    done += 1
                    progress(stage, done * len(tested), total * len(tested))
                rows.append(Accuracy(count, name, method, tuple(right)))
    rows.sort(key=lambda row: row.labels)
    return ProbeResult(tuple(rows), int(tested.sum()), labels.available, tuple(_notes(labels, list(draws), options)))


def _k_nearest(
    space: Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]],
    features: Features,
    labels: ProbeLabels,
    options: KNNProbeOptions,
    *_: object,
) -> Classifier:
    points, queries = space(features.train, features.test)

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        for rows in draws:
            found = nearest(points[rows], queries, options.neighbors)
            yield _vote(labels.train[rows][found], len(labels.class_names))

    return classify


def _vote(votes: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the (M,) classes that are most often among (M, k) votes; on a tie the first class."""
    if votes.shape[1] == 1:
        return votes[:, 0]
    counts = np.zeros((len(votes), classes), np.int64)
    np.add.at(counts, (np.arange(len(votes))[:, None], votes), 1)
    winners: NDArray[np.int64] = counts.argmax(axis=1)
    return winners


def _linear(features: Features, labels: ProbeLabels, *_: object) -> Classifier:
    scaling = Scaling.of(features.train)
    train, test = scaling(features.train), scaling(features.test)

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        found = np.empty((len(draws), len(test)), np.int64)

        def fit(draw: int) -> None:
            rows = draws[draw]
            found[draw] = classify_linearly(train[rows], labels.train[rows], test)

        parallel_for(fit, range(len(draws)))
        yield from found

    return classify


def _spreading(
    features: Features, labels: ProbeLabels, options: KNNProbeOptions, progress: Progress, stage: str
) -> Classifier:
    everything = np.concatenate([features.train, features.test])
    flow = normalized(neighbor_graph(everything, GRAPH_NEIGHBORS, progress, f"{stage}, neighbors"))

    def classify(draws: Draws) -> Iterator[NDArray[np.int64]]:
        for found in spread(flow, labels.train, draws, len(labels.class_names)):
            yield found[len(features.train) :]

    return classify


CLASSIFIERS: dict[str, Callable[[Features, ProbeLabels, KNNProbeOptions, Progress, str], Classifier]] = {
    "knn-euclidean": partial(_k_nearest, euclidean),
    "knn-cosine": partial(_k_nearest, cosine),
    "linear": _linear,
    "label-spreading": _spreading,
}


def _notes(labels: ProbeLabels, counts: Sequence[int], options: KNNProbeOptions) -> Iterator[str]:
    for role, known in (("training", labels.train), ("test", labels.test)):
        if missing := int((known == UNLABELED).sum()):
            left_out = "never drawn" if role == "training" else "not counted"
            yield f"{missing:,} of the {len(known):,} {role} codes have no label: {left_out}"
    if labels.unseen:
        lost = sum(int((labels.test == labels.class_names.index(name)).sum()) for name in labels.unseen)
        yield f"no training code is of class {', '.join(labels.unseen)}: {lost:,} test codes cannot be right"
    sizes = np.bincount(labels.train[labels.train != UNLABELED])
    sizes = sizes[sizes > 0]
    for count in counts:
        if not options.balance or count == sizes.sum():
            continue
        if count < len(sizes):
            yield f"{count} labels for {len(sizes)} classes: each draw takes {count} of the classes by chance"
        elif sizes.min() < count // len(sizes):
            yield f"{count} labels: not balanced, as the smallest class has only {sizes.min()}"
