"""Classify test codes by their nearest labeled training codes, compared with scikit-learn's KNeighborsClassifier.

The codes have 128 values and come from the mlp recipe, for FashionMNIST if it is installed and mnist5k otherwise. Both
implementations get the same float32 arrays and must reach the same accuracy.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from aecli.analyses.knn_probe.features import Features
from aecli.analyses.knn_probe.labeled_draws import ProbeLabels
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import probe
from tests.benchmarks.codes import encode
from tests.benchmarks.measuring import Effort, Row, compare


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Return the time in seconds and the accuracy that `work` returns."""
    started = time.perf_counter()
    accuracy = work()
    return time.perf_counter() - started, accuracy


def measure(effort: Effort) -> list[Row]:
    """Use 5 neighbors, the default of scikit-learn, and 1."""
    from sklearn.neighbors import KNeighborsClassifier

    with tempfile.TemporaryDirectory() as folder:
        train, test = (encode(f"{effort.images}:{split}", "mlp", Path(folder)) for split in ("train", "test"))
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
        repeats = [
            (timed(partial(ours, neighbors)), timed(partial(theirs, neighbors))) for _ in range(effort.repeats_or(3))
        ]
        our_seconds, their_seconds = ([repeat[side][0] for repeat in repeats] for side in (0, 1))
        quality = repeats[0][0][1], repeats[0][1][1]
        case = f"k-NN probe, k = {neighbors}, {len(test):,} among {len(train):,} codes of {features.train.shape[1]}"
        rows.append(
            compare(
                case,
                our_seconds,
                their_seconds,
                reference_name="scikit-learn",
                quality=quality,
                quality_name="accuracy",
                tolerance=0.002,
            )
        )
    return rows


CASES = {"knn-probe": measure}
