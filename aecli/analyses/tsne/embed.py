"""t-SNE of codes (van der Maaten and Hinton, JMLR 9, 2008): neighbors, affinities, then gradient descent.

Affinities, attraction and descent are openTSNE's; neighbors are exact; the repulsion, where most of the time went,
is our own. The same input, seed and machine give the same bits: each point is summed up by one thread, in one order.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.tsne.options import TSNEOptions
from aecli.analyses.tsne.repulsion import Repulsion
from aecli.errors import InputError
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import usable_cpus

UNLABELED = -1
DEFAULTS = TSNEOptions()
EARLY_MOMENTUM, MOMENTUM = 0.8, 0.9
NEIGHBOR_ROWS = 4096
"""Queries at a time: between them, progress is told."""
LEAST_POINTS_TO_SHARE = 2000
"""Below this, handing the attraction to a second thread costs more than it brings."""
MOST_VALUES_FOR_COVARIANCE = 2000


@dataclass(frozen=True)
class TSNEResult:
    """A plane with a point for each code."""

    coordinates: NDArray[np.float32]
    """(N, 2) float32, centered on the origin."""
    perplexity: float
    """That was asked for, or chosen."""
    kl_divergence: float
    """Of the similarities in the plane from the affinities of the codes, in nats; less is better."""
    neighbors_seconds: float
    affinities_seconds: float
    gradient_seconds: float


def require_distinct(codes: NDArray[np.float32], name: str = "codes") -> None:
    """See that not all of the codes, (N, ...), are the same; `name` is theirs in messages.

    Raises:
        InputError: they are.
    """
    if (codes == codes[:1]).all():
        raise InputError(f"{name}: all codes are the same: there is nothing to lay out", hint="was the model trained?")


def draw_sample(labels: NDArray[np.int64] | None, count: int, options: TSNEOptions) -> NDArray[np.int64]:
    """Return the rows to lay out of `count` codes, ascending: of each class its share, drawn by the seed.

    Unlabeled codes count as a class. Shares are rounded so that they add up to the sample, and every class has one
    code where there is room.
    """
    if options.sample is None or options.sample >= count:
        return np.arange(count)
    random = np.random.default_rng(options.seed)
    classes = np.zeros(count, np.int64) if labels is None else labels
    _, members, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    least = 1 if len(sizes) <= options.sample else 0
    exact = (options.sample - least * len(sizes)) * sizes / count + least
    shares = np.minimum(np.floor(exact), sizes).astype(np.int64)
    for index in np.argsort(-(exact - shares), kind="stable"):
        shares[index] += min(sizes[index] - shares[index], options.sample - shares.sum())
        if shares.sum() == options.sample:
            break
    drawn = [random.permutation(np.flatnonzero(members == index))[:share] for index, share in enumerate(shares)]
    return np.sort(np.concatenate(drawn))


def tsne(codes: NDArray[np.float32], options: TSNEOptions = DEFAULTS, progress: Progress = silent) -> TSNEResult:
    """Lay all of the codes, (N, ...), out in a plane; `options.sample` is not looked at.

    Raises:
        InputError: too few codes, or all are the same.
        UsageError: the perplexity is too large for so few.
    """
    perplexity = replace(options, sample=None).perplexity_for(len(codes))
    require_distinct(codes)
    points = _scaled(codes.reshape(len(codes), -1), options)
    workers = usable_cpus()

    started = time.perf_counter()
    neighbors, distances = nearest_neighbors(points, int(np.ceil(3 * perplexity)), options.metric, progress)
    found = time.perf_counter()
    affinities = _affinities(neighbors, distances, perplexity, workers)
    known = time.perf_counter()
    coordinates, divergence = _descend(_start(points, options.seed), affinities, options, workers, progress)
    return TSNEResult(
        coordinates=coordinates.astype(np.float32),
        perplexity=perplexity,
        kl_divergence=divergence,
        neighbors_seconds=found - started,
        affinities_seconds=known - found,
        gradient_seconds=time.perf_counter() - known,
    )


def label_accuracy(coordinates: NDArray[np.float32], labels: NDArray[np.int64] | None) -> float | None:
    """Return the share of labeled points whose nearest labeled point in the plane has the same label.

    None where fewer than two points are labeled.
    """
    from scipy.spatial import cKDTree

    labeled = np.zeros(len(coordinates), bool) if labels is None else labels != UNLABELED
    if labels is None or labeled.sum() < 2:
        return None
    places, known = coordinates[labeled], labels[labeled]
    _, nearest = cKDTree(places).query(places, k=2)
    rows = np.arange(len(places))
    others = np.where(nearest[:, 0] == rows, nearest[:, 1], nearest[:, 0])  # of equal places, any may come first
    return float((known[others] == known).mean())


def nearest_neighbors(
    points: NDArray[np.float32], count: int, metric: str, progress: Progress = silent
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of the `count` other points nearest to each of (N, D) points, and their distances: exact."""
    import sklearn
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(metric=metric, n_jobs=-1).fit(points)
    neighbors = np.empty((len(points), count), np.int64)
    distances = np.empty((len(points), count))
    with sklearn.config_context(working_memory=256):
        for start in range(0, len(points), NEIGHBOR_ROWS):
            rows = np.arange(start, min(start + NEIGHBOR_ROWS, len(points)))
            found, near = index.kneighbors(points[rows], count + 1)
            others = near != rows[:, None]
            others[others.all(axis=1), -1] = False  # a point that has as many equals as it has neighbors
            neighbors[rows] = near[others].reshape(-1, count)
            distances[rows] = found[others].reshape(-1, count)
            progress("neighbors", int(rows[-1]) + 1, len(points))
    return neighbors, distances


def _scaled(codes: NDArray[np.float32], options: TSNEOptions) -> NDArray[np.float32]:
    """The codes brought to values about one: t-SNE knows no scale, and squares of huge or tiny values none either."""
    points = codes.astype(np.float64)
    if options.metric != "cosine":
        points -= points.mean(axis=0)
    points /= np.abs(points).max()
    return points.astype(np.float32)


def _start(points: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """The first two principal components, tiny as t-SNE needs them, with a jitter that tells equal codes apart."""
    from openTSNE.initialization import jitter, rescale
    from sklearn.decomposition import PCA

    components = min(2, *points.shape)
    solver = "covariance_eigh" if points.shape[1] <= MOST_VALUES_FOR_COVARIANCE else "randomized"
    plane = np.zeros((len(points), 2))
    plane[:, :components] = PCA(components, svd_solver=solver, random_state=seed).fit_transform(points)
    if not plane[:, 0].any():  # points so close that single precision cannot tell them apart
        plane[:, 0] = points[:, 0] - points[0, 0]
    rescale(plane, inplace=True)
    jitter(plane, inplace=True, random_state=seed)
    return plane


def _affinities(neighbors: NDArray[np.int64], distances: NDArray[np.float64], perplexity: float, workers: int) -> Any:
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    index = PrecomputedNeighbors(neighbors, distances)
    return PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=workers)


def _descend(
    start: NDArray[np.float64], affinities: Any, options: TSNEOptions, workers: int, progress: Progress
) -> tuple[NDArray[np.float64], float]:
    """The plane and its divergence after all iterations."""
    from openTSNE import TSNEEmbedding
    from threadpoolctl import threadpool_limits

    rate = "auto" if options.learning_rate is None else options.learning_rate
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as threads:
        plane = TSNEEmbedding(
            start,
            affinities,
            negative_gradient_method=_objective(len(start), threads, workers, options.max_iter, progress),
            learning_rate=rate,
            momentum=MOMENTUM,
            n_jobs=1,
        )
        early = options.early_iterations
        if early:
            plane.optimize(early, exaggeration=options.early_exaggeration, momentum=EARLY_MOMENTUM, inplace=True)
        plane.optimize(options.max_iter - early, inplace=True)
    return np.array(plane), float(plane.kl_divergence)


def _objective(
    count: int, threads: ThreadPoolExecutor, workers: int, iterations: int, progress: Progress
) -> Callable[..., Any]:
    """What openTSNE asks for at each iteration: the divergence, where wanted, and its gradient.

    Threads of our own share the attraction: those of OpenMP wait in a busy loop for the next turn, and so take the
    core that the repulsion could use.
    """
    from openTSNE import _tsne

    repulsion = Repulsion(threads, workers)
    edges = np.linspace(0, count, workers + 1).astype(int)
    parts = [slice(low, high) for low, high in pairwise(edges)]
    done = 0

    def objective(embedding: Any, P: Any, dof: float = 1, should_eval_error: bool = False, **_: Any) -> Any:  # noqa: N803
        nonlocal done
        points = np.asarray(embedding)
        forces, total = repulsion(points)
        gradient = forces / -total

        def attract(rows: slice) -> tuple[float, float]:
            starts = P.indptr[rows.start : rows.stop + 1]
            sums = _tsne.estimate_positive_gradient_nn(
                *(P.indices, starts, P.data, points[rows], points, gradient[rows], dof),
                should_eval_error=should_eval_error,
            )
            return sums[0], sums[1]

        sums = list((threads.map if len(points) >= LEAST_POINTS_TO_SHARE else map)(attract, parts))
        done += 1
        progress("t-SNE", min(done, iterations), iterations)
        if not should_eval_error:
            return 0.0, gradient
        return sum(each[1] for each in sums) + sum(each[0] for each in sums) * np.log(total), gradient

    return objective
