"""New codes among the points of a t-SNE (Poličar, Stražar and Zupan, Machine Learning 112, 2023).

The map stays as it is: each new point starts at the median of its nearest neighbors by code, and is attracted and
repelled by the points of the map alone, so that the others that are placed at the same time do not matter. openTSNE
computes it; the perplexity, the number of iterations and so on are those of its `transform`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.neighbors import nearest_with_distances
from aecli.analyses.state_of_map import codes_of_map, metric_of_map
from aecli.analyses.tsne.embed import scaling
from aecli.analyses.tsne.opentsne_internals import affinities_to_map
from aecli.codes.coordinates import PlanePoints
from aecli.runtime.progress import Progress, silent
from aecli.runtime.thread_count import thread_count

PERPLEXITY = 5.0
"""Effective number of neighbors in the map; fewer than among the codes of the map themselves, as in openTSNE."""
NEIGHBORS_AT_START = 25
"""Each point starts at the median of this many neighbors."""
MIN_POINTS_FOR_FFT = 5000
"""Size of the map from which interpolation by FFT is faster than the tree, which is built anew in each iteration."""
ITERATIONS, EXAGGERATION, LEARNING_RATE, MOMENTUM, MAX_GRADIENT_NORM = 250, 1.5, 0.1, 0.8, 0.25


def place(
    codes: NDArray[np.float32], points: PlanePoints, settings: Mapping[str, Any], progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the positions of the (N, D) codes among the points of a map with these settings, (N, 2).

    Raises:
        ValueError: the state of the points does not fit the codes.
    """
    known = codes_of_map(points, codes.shape[1])
    metric = metric_of_map(settings)
    scaled = scaling(known, metric)
    workers = thread_count()
    count = min(len(known), max(int(3 * PERPLEXITY), NEIGHBORS_AT_START))
    neighbors, distances = nearest_with_distances(scaled(known), scaled(codes), count, metric, progress)
    used = min(count, int(3 * PERPLEXITY))
    perplexity = min(PERPLEXITY, used / 3)
    similarities = affinities_to_map(neighbors[:, :used], distances[:, :used], perplexity, len(known), workers)
    start = np.median(points.coordinates[neighbors[:, :NEIGHBORS_AT_START]], axis=1)
    middle = (points.coordinates.max(axis=0) + points.coordinates.min(axis=0)) / 2  # where the FFT centers its grid
    placed = _descend(start - middle, points.coordinates - middle, similarities, workers) + middle
    return np.asarray(placed, np.float32)


def _descend(
    start: NDArray[np.floating], coordinates: NDArray[np.floating], similarities: Any, workers: int
) -> NDArray[np.float64]:
    """Return the positions of N new points, which start at (N, 2), among the (M, 2) points of the map."""
    from openTSNE import PartialTSNEEmbedding, TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from scipy.sparse import csr_matrix

    unused = PrecomputedAffinities(csr_matrix((len(coordinates), len(coordinates))), normalize=False)
    reference = TSNEEmbedding(coordinates, unused)
    method = "bh" if len(coordinates) < MIN_POINTS_FOR_FFT else "fft"
    points = PartialTSNEEmbedding(start, reference, similarities, negative_gradient_method=method, n_jobs=workers)
    points.optimize(
        ITERATIONS,
        exaggeration=EXAGGERATION,
        learning_rate=LEARNING_RATE,
        momentum=MOMENTUM,
        max_grad_norm=MAX_GRADIENT_NORM,
        inplace=True,
    )
    return np.array(points)
