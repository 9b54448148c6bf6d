"""k-NN of 10,000 codes of 128 among 60,000 labelled ones, ours against scikit-learn's, in one run.

    python -m benchmarks.knn_probe                # 5 turns each, in turn
    python -m benchmarks.knn_probe --turns 9

Codes are random points around ten centres, about as far apart as the classes of digits. scikit-learn runs
KNeighborsClassifier with its defaults, 5 neighbours, and with 1 neighbour; ours with 5 and 1. Both get the same
float32 arrays, and the predictions are compared.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from aecli.analyses.knn_probe import probe
from aecli.analyses.knn_probe_options import KNNProbeOptions
from aecli.analyses.labelled_draws import ProbeLabels
from aecli.analyses.probe_features import Features
from benchmarks.__main__ import machine

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


def main() -> None:
    """Measure and print, as a table and as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.knn_probe", description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    features, labels = made_codes()
    options = KNNProbeOptions(labels="all", methods="knn-euclidean")

    def ours(neighbours: int) -> float:
        return probe({"codes": features}, labels, replace(options, neighbours=neighbours)).accuracies[0].mean

    def peer(neighbours: int) -> float:
        model = KNeighborsClassifier(neighbours).fit(features.train, labels.train)
        return float((model.predict(features.test) == labels.test).mean())

    results = []
    for neighbours in (5, 1):  # 5 is scikit-learn's default
        rounds = [(timed(lambda k=neighbours: ours(k)), timed(lambda k=neighbours: peer(k))) for _ in range(turns)]
        result = {
            "neighbours": neighbours,
            "ours_seconds": median(mine for (mine, _), _ in rounds),
            "peer_seconds": median(theirs for _, (theirs, _) in rounds),
            "ratio": median(theirs / mine for (mine, _), (theirs, _) in rounds),
            "ours_accuracy": rounds[0][0][1],
            "peer_accuracy": rounds[0][1][1],
        }
        results.append(result)
        print("  ".join(f"{name} {value:.4g}" for name, value in result.items()), flush=True)
    print(json.dumps({"case": "knn-probe", "turns": turns, "machine": machine(), "results": results}))


if __name__ == "__main__":
    main()
