"""k-NN of test codes among all labeled training codes, beside scikit-learn's KNeighborsClassifier.

Codes are of 128 values, of FashionMNIST or, without it, of mnist5k, by the mlp recipe. Both get the same float32
arrays, and the accuracies are compared.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from aecli.analyses.knn_probe.features import Features
from aecli.analyses.knn_probe.labeled_draws import ProbeLabels
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import probe
from tests.benchmarks.codes import encode
from tests.benchmarks.measuring import Effort, Row, compare


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Run it; return its seconds and the accuracy that it found."""
    started = time.perf_counter()
    accuracy = work()
    return time.perf_counter() - started, accuracy


def measure(effort: Effort) -> list[Row]:
    """Probe with 5 neighbors, scikit-learn's default, and with 1."""
    from sklearn.neighbors import KNeighborsClassifier

    with tempfile.TemporaryDirectory() as folder:
        train, test = (encode(f"{effort.images}:{part}", "mlp", Path(folder)) for part in ("train", "test"))
    assert train.labels is not None
    assert test.labels is not None
    features = Features(train.codes, test.codes)
    labels = ProbeLabels(train.labels, test.labels, tuple(map(str, np.unique(train.labels))))
    options = KNNProbeOptions(labels="all", methods="knn-euclidean")

    def ours(neighbors: int) -> float:
        return probe({"codes": features}, labels, replace(options, neighbors=neighbors)).accuracies[0].mean

    def theirs(neighbors: int) -> float:
        model = KNeighborsClassifier(neighbors).fit(features.train, labels.train)
        return float((model.predict(features.test) == labels.test).mean())

    rows = []
    for neighbors in (5, 1):
        turns = [
            (timed(lambda k=neighbors: ours(k)), timed(lambda k=neighbors: theirs(k)))
            for _ in range(effort.turns_or(3))
        ]
        mine, peers = ([turn[which][0] for turn in turns] for which in (0, 1))
        quality = turns[0][0][1], turns[0][1][1]
        case = f"k-NN probe, k = {neighbors}, {len(test):,} among {len(train):,} codes of {features.train.shape[1]}"
        more = {"quality": quality, "quality_name": "accuracy", "noise": 0.002}
        rows.append(compare(case, mine, peers, peer_name="scikit-learn", **more))
    return rows


CASES = {"knn-probe": measure}
