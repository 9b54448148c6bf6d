"""Compute t-SNE embeddings, compared with scikit-learn's TSNE with its defaults, on the same codes.

The codes come from the conv recipe, trained on mnist5k for 10 epochs, for FashionMNIST if it is installed and mnist5k
otherwise. Each repeat is a whole fit: neighbors, affinities, optimization. The quality is the 1-NN accuracy of the
labels in the plane; the KL divergence of both embeddings is computed from the same affinities over all pairs.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aecli.analyses.embedding import label_accuracy
from aecli.analyses.neighbors import nearest_others_with_distances
from aecli.analyses.sampling import draw_sample
from aecli.analyses.tsne.embed import tsne
from aecli.analyses.tsne.opentsne_internals import affinities
from aecli.analyses.tsne.options import TSNEOptions
from aecli.runtime.cpus import usable_cpus
from tests.benchmarks.codes import encode
from tests.benchmarks.divergence import divergence
from tests.benchmarks.measuring import Effort, Row, compare, log

Array = NDArray[Any]
TOLERANCE = 0.03
"""Relative difference of the 1-NN accuracy in the plane between seeds."""


def fit_ours(points: Array, seed: int) -> Array:
    """Embed as `aecli tsne` does."""
    return tsne(points, TSNEOptions(seed=seed, sample=None)).coordinates


def fit_scikit_learn(points: Array, seed: int) -> Array:
    """Embed with the defaults of scikit-learn."""
    from sklearn.manifold import TSNE

    plane: Array = TSNE(random_state=seed).fit_transform(points)
    return plane


def affinities_of(points: Array, perplexity: float = 30.0) -> csr_matrix:
    """Return the affinities of the points, with which all embeddings of them are measured."""
    neighbors = nearest_others_with_distances(points, int(3 * perplexity), "euclidean")
    return csr_matrix(affinities(*neighbors, perplexity, workers=usable_cpus()).P)


def measure(count: int, target: float | None, repeats: int, effort: Effort) -> list[Row]:
    """Embed `count` codes with both; the quality is the 1-NN accuracy of the labels in the plane."""
    word = "mnist5k:all" if effort.images == "mnist5k" else f"{effort.images}:train"
    with tempfile.TemporaryDirectory() as folder:
        codes = encode(word, "conv", Path(folder))
    assert codes.labels is not None
    rows = draw_sample(codes.labels, len(codes), min(count, len(codes)))
    points = codes.codes.reshape(len(codes), -1)[rows]
    fits: dict[str, Callable[[Array, int], Array]] = {"aecli": fit_ours, "scikit-learn": fit_scikit_learn}
    for fit in fits.values():  # imports and first calls are not part of a fit
        fit(points[:200], 0)
    seconds: dict[str, list[float]] = {name: [] for name in fits}
    planes: dict[str, Array] = {}
    for _ in range(effort.repeats_or(repeats)):
        for name, fit in fits.items():
            started = time.perf_counter()
            planes[name] = fit(points, 0)
            seconds[name].append(time.perf_counter() - started)
            log(f"{name} {seconds[name][-1]:.2f} s")
    quality = tuple(label_accuracy(planes[name], codes.labels[rows]) for name in fits)
    similarities = affinities_of(points)
    note = "KL divergence {:.3f} and {:.3f}".format(*(divergence(similarities, planes[name]) for name in fits))
    case = f"t-SNE of {len(points):,} codes of {points.shape[1]}"
    return [
        compare(
            case,
            seconds["aecli"],
            seconds["scikit-learn"],
            reference_name="scikit-learn",
            target=target,
            quality=quality,
            quality_name="1-NN accuracy",
            tolerance=TOLERANCE,
            note=note,
        )
    ]


CASES = {
    "tsne-1000": partial(measure, 1_000, None, 5),
    "tsne-10000": partial(measure, 10_000, 2.0, 2),
    "tsne-60000": partial(measure, 60_000, 5.0, 1),
}
