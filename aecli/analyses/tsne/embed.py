"""t-SNE of codes (van der Maaten and Hinton, JMLR 9, 2008): nearest neighbors, affinities, gradient descent.

openTSNE computes the affinities, the attraction and the descent; the neighbors are exact, and the repulsion, which
took most of the time, is our own. The same input, seed and machine give the same bits, whatever the number of threads:
the forces on a point are summed by one thread, in a fixed order.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding, require_distinct
from aecli.analyses.neighbors import nearest_others_with_distances
from aecli.analyses.sampling import draw_sample
from aecli.analyses.tsne.gradient import ThreadedGradient
from aecli.analyses.tsne.opentsne_internals import affinities, as_negative_gradient_method, scale_start
from aecli.analyses.tsne.options import DEFAULT_PERPLEXITY, TSNEOptions
from aecli.codes import Codes
from aecli.runtime.progress import Progress, silent
from aecli.runtime.thread_count import thread_count

METHOD = "t-SNE"
DEFAULTS = TSNEOptions()
EARLY_MOMENTUM, MOMENTUM = 0.8, 0.9
MAX_VALUES_FOR_COVARIANCE = 2000
"""Codes of more values are initialized by a randomized PCA."""


@dataclass(frozen=True)
class TSNEResult:
    """The points of N codes in the plane."""

    coordinates: NDArray[np.float32]
    """(N, 2), centered on the origin."""
    perplexity: float
    """The perplexity that was used."""
    kl_divergence: float
    """KL divergence of the similarities in the plane from the affinities of the codes, in nats; lower is better."""
    seconds: dict[str, float]
    """Duration of each stage: neighbors, affinities, gradient."""


def require_embeddable(codes: Codes, options: TSNEOptions, name: str) -> list[str]:
    """Check that the codes can be embedded, and return notes for the user; errors call the codes `name`.

    Raises:
        InputError: there are too few codes, or all are equal.
        UsageError: the requested perplexity is too large for the number of codes.
    """
    perplexity = options.perplexity_for(len(codes), name)
    require_distinct(codes.codes, name)
    if options.perplexity is None and perplexity < DEFAULT_PERPLEXITY:
        return [f"{name}: using perplexity {perplexity:g}, the largest possible for so few codes"]
    return []


def embed(codes: Codes, options: TSNEOptions, progress: Progress = silent) -> Embedding:
    """Draw a sample of the codes and embed it in the plane.

    Raises:
        InputError: there are too few codes, or all are equal.
        UsageError: the requested perplexity is too large for the number of codes.
    """
    indices = draw_sample(codes.labels, len(codes), options.sample, options.seed)
    vectors = codes.codes[indices].reshape(len(indices), -1)
    result = tsne(vectors, options, progress)
    return Embedding(
        codes=codes,
        indices=indices,
        coordinates=result.coordinates,
        method=METHOD,
        settings=settings(options),
        metrics={"perplexity": result.perplexity, "kl_divergence": result.kl_divergence},
        summary=f"perplexity {result.perplexity:g}, KL divergence {result.kl_divergence:.3f}",
        seconds=result.seconds,
        state={"codes": vectors},
    )


def settings(options: TSNEOptions) -> dict[str, Any]:
    """Return everything besides the codes that determines the result, as plain values."""
    import openTSNE

    return asdict(options) | {
        "sample": options.sample or "all",
        "perplexity": options.perplexity or f"{DEFAULT_PERPLEXITY:g}, or the largest possible for few codes",
        "learning_rate": options.learning_rate or "codes / exaggeration",
        "early_iterations": options.early_iterations,
        "momentum": [EARLY_MOMENTUM, MOMENTUM],
        "initialization": "pca",
        "neighbors": "exact",
        "openTSNE": openTSNE.__version__,
    }


def tsne(codes: NDArray[np.float32], options: TSNEOptions = DEFAULTS, progress: Progress = silent) -> TSNEResult:
    """Embed all of the (N, ...) codes in the plane; `options.sample` is ignored.

    Raises:
        InputError: there are too few codes, or all are equal.
        UsageError: the requested perplexity is too large for the number of codes.
    """
    perplexity = replace(options, sample=None).perplexity_for(len(codes))
    require_distinct(codes)
    vectors = scaling(codes.reshape(len(codes), -1), options.metric)(codes)
    workers = thread_count()

    started = time.perf_counter()
    count = int(np.ceil(3 * perplexity))
    neighbors, distances = nearest_others_with_distances(vectors, count, options.metric, progress)
    neighbors_done = time.perf_counter()
    similarities = affinities(neighbors, distances, perplexity, workers)
    affinities_done = time.perf_counter()
    coordinates, divergence = _descend(initial_points(vectors, options.seed), similarities, options, workers, progress)
    return TSNEResult(
        coordinates=coordinates.astype(np.float32),
        perplexity=perplexity,
        kl_divergence=divergence,
        seconds={
            "neighbors": neighbors_done - started,
            "affinities": affinities_done - neighbors_done,
            "gradient": time.perf_counter() - affinities_done,
        },
    )


@dataclass(frozen=True)
class Scaling:
    """Scales codes to at most 1, so that squares of huge or tiny values do not over- or underflow.

    t-SNE does not depend on the scale.
    """

    center: NDArray[np.float64]
    """(D,), or one 0."""
    scale: float

    def __call__(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (N, ...) codes of D values each, scaled, as (N, D)."""
        return ((codes.reshape(len(codes), -1) - self.center) / self.scale).astype(np.float32)


def scaling(vectors: NDArray[np.float32], metric: str) -> Scaling:
    """Return the scaling of (N, D) codes. They are centered too, except for the cosine distance, which would change."""
    center = np.zeros(1) if metric == "cosine" else vectors.mean(axis=0, dtype=np.float64)
    return Scaling(center, float(np.abs(vectors - center).max()))


def initial_points(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Return the initial points, (N, 2): the first two principal components, scaled down, with noise."""
    from sklearn.decomposition import PCA

    components = min(2, *vectors.shape)
    solver = "covariance_eigh" if vectors.shape[1] <= MAX_VALUES_FOR_COVARIANCE else "randomized"
    points = np.zeros((len(vectors), 2))
    points[:, :components] = PCA(components, svd_solver=solver, random_state=seed).fit_transform(vectors)
    if not points[:, 0].any():  # the differences between the codes are below single precision
        points[:, 0] = vectors[:, 0] - vectors[0, 0]
    scale_start(points, seed)
    return points


def _descend(
    start: NDArray[np.float64], similarities: Any, options: TSNEOptions, workers: int, progress: Progress
) -> tuple[NDArray[np.float64], float]:
    """Return the points, (N, 2), and the KL divergence after all iterations."""
    from openTSNE import TSNEEmbedding
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as threads:
        gradient = ThreadedGradient(len(start), threads, workers, options.max_iter, progress)
        points = TSNEEmbedding(
            start,
            similarities,
            negative_gradient_method=as_negative_gradient_method(gradient),
            learning_rate="auto" if options.learning_rate is None else options.learning_rate,
            momentum=MOMENTUM,
            n_jobs=1,
        )
        early = options.early_iterations
        if early:
            points.optimize(early, exaggeration=options.early_exaggeration, momentum=EARLY_MOMENTUM, inplace=True)
        points.optimize(options.max_iter - early, inplace=True)
    return np.array(points), float(points.kl_divergence)
