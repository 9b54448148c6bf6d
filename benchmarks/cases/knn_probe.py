"""k-NN of 10,000 codes of 128 among 60,000 labelled ones, beside scikit-learn's KNeighborsClassifier.

Codes are random points around ten centres, about as far apart as the classes of digits: brute force takes the same time
whatever the points are. Both get the same float32 arrays, and the accuracies are compared.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.knn_probe import probe
from aecli.analyses.knn_probe_options import KNNProbeOptions
from aecli.analyses.labelled_draws import ProbeLabels
from aecli.analyses.probe_features import Features
from benchmarks.measuring import Effort, Row, compare

TRAIN, TEST, DIMENSIONS, CLASSES = 60_000, 10_000, 128, 10


def made_codes() -> tuple[Features, ProbeLabels]:
    """Return codes around ten centres, with their labels."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLASSES, DIMENSIONS)) * 0.35

    def around(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        labels = random.integers(0, CLASSES, count)
        return (centres[labels] + random.normal(size=(count, DIMENSIONS))).astype(np.float32), labels

    (train, train_labels), (test, test_labels) = around(TRAIN), around(TEST)
    return Features(train, test), ProbeLabels(train_labels, test_labels, tuple(map(str, range(CLASSES))))


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Run it; return its seconds and the accuracy that it found."""
    started = time.perf_counter()
    accuracy = work()
    return time.perf_counter() - started, accuracy


def measure(effort: Effort) -> list[Row]:
    """Probe with 5 neighbours, scikit-learn's default, and with 1."""
    from sklearn.neighbors import KNeighborsClassifier

    features, labels = made_codes()
    options = KNNProbeOptions(labels="all", methods="knn-euclidean")

    def ours(neighbours: int) -> float:
        return probe({"codes": features}, labels, replace(options, neighbours=neighbours)).accuracies[0].mean

    def theirs(neighbours: int) -> float:
        model = KNeighborsClassifier(neighbours).fit(features.train, labels.train)
        return float((model.predict(features.test) == labels.test).mean())

    rows = []
    for neighbours in (5, 1):
        turns = [
            (timed(lambda k=neighbours: ours(k)), timed(lambda k=neighbours: theirs(k)))
            for _ in range(effort.turns_or(3))
        ]
        mine, peers = ([turn[which][0] for turn in turns] for which in (0, 1))
        quality = turns[0][0][1], turns[0][1][1]
        case = f"k-NN probe, k = {neighbours}, {TEST:,} among {TRAIN:,} codes of {DIMENSIONS}"
        more = {"quality": quality, "quality_name": "accuracy", "noise": 0.002}
        rows.append(compare(case, mine, peers, peer_name="scikit-learn", **more))
    return rows


CASES = {"knn-probe": measure}
