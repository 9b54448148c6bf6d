"""The gradient of the t-SNE objective: openTSNE's attraction and our repulsion, in threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.tsne.opentsne_internals import add_attraction
from aecli.analyses.tsne.repulsion import Repulsion
from aecli.runtime.progress import Progress

MIN_POINTS_FOR_THREADS = 2000
"""With fewer points, distributing the attraction over threads takes longer than it saves."""


class ThreadedGradient:
    """The gradient of the KL divergence; each call is one iteration.

    The threads of the pool share the attraction. openTSNE's own OpenMP threads wait for the next iteration in a busy
    loop, and so would occupy the cores that the repulsion needs.
    """

    def __init__(self, count: int, threads: ThreadPoolExecutor, workers: int, iterations: int, progress: Progress):
        """Prepare the gradient of `count` points; `progress` counts up to `iterations` calls."""
        self._map = threads.map if count >= MIN_POINTS_FOR_THREADS else map
        self._repulsion = Repulsion(threads, workers)
        bounds = np.linspace(0, count, workers + 1).astype(int)
        self._slices = [slice(low, high) for low, high in pairwise(bounds)]
        self._iterations = iterations
        self._progress = progress
        self._done = 0

    def __call__(
        self, points: NDArray[np.float64], affinities: Any, dof: float, with_divergence: bool
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the KL divergence, or 0 unless `with_divergence`, and its gradient, (N, 2)."""
        forces, total = self._repulsion(points)
        gradient = forces / -total
        attract = partial(add_attraction, gradient, points, affinities, dof=dof, with_divergence=with_divergence)
        sums = list(self._map(attract, self._slices))
        self._done += 1
        self._progress("t-SNE iterations", min(self._done, self._iterations), self._iterations)
        if not with_divergence:
            return 0.0, gradient
        divergence = sum(part for _, part in sums) + sum(affinity for affinity, _ in sums) * np.log(total)
        return float(divergence), gradient
