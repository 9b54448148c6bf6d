"""Search by an index of faiss, for many queries among more codes than can be compared one by one.

The index is an inverted file (Jegou et al., "Product quantization for nearest neighbor search", 2011): the codes are
grouped around centers, and a query is compared with the codes of a few groups, in 8 bits per value. The distances of
the best ones are then computed from the codes themselves.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.exact import search_exactly
from aecli.analyses.search.options import Metric
from aecli.analyses.search.ranking import nearest_first, pair_distances, without_own
from aecli.errors import UnavailableError
from aecli.runtime.optional_packages import is_installed
from aecli.runtime.progress import Progress, silent
from aecli.runtime.thread_count import thread_count

PACKAGE = "faiss"
TARGET_RECALL = 0.99
"""More groups are searched until this fraction of the true neighbors of a sample is found."""
SAMPLE = 256
"""Queries whose true neighbors are searched exactly to measure the recall."""
SAMPLES_PER_CENTER = 40
"""Codes that the centers are fitted to, for each center; faiss warns of fewer than 39."""
FIRST_GROUPS = 8
BLOCK = 1 << 14
"""Codes or queries between two reports of progress."""
SPARE = 2
"""How many times as many candidates are ranked by their exact distance as neighbors are requested."""


def require_index() -> None:
    """Check that faiss is installed.

    Raises:
        UnavailableError: it is not.
    """
    if not is_installed(PACKAGE):
        raise UnavailableError(
            "an approximate search needs faiss", hint="pip install 'aecli[search]', or search with --method exact"
        )


class ApproximateSearch:
    """An index of codes. Memory besides the codes is about a fourth of theirs."""

    def __init__(self, points: NDArray[np.float32], metric: Metric, seed: int = 0, progress: Progress = silent):
        """Build the index of (N, D) points.

        Raises:
            UnavailableError: faiss is not installed.
        """
        require_index()
        import faiss

        faiss.omp_set_num_threads(thread_count())
        self._points, self._metric = points, metric
        centers = max(1, round(4 * len(points) ** 0.5))
        centers = min(centers, len(points) // SAMPLES_PER_CENTER or 1)
        dimensions = points.shape[1]
        self._coarse = faiss.IndexFlatL2(dimensions)
        self._index: Any = faiss.IndexIVFScalarQuantizer(
            self._coarse, dimensions, centers, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2
        )
        self._index.cp.niter, self._index.cp.seed = 10, seed
        sample = np.random.default_rng(seed).choice(
            len(points), min(len(points), SAMPLES_PER_CENTER * centers), replace=False
        )
        progress("indexing codes", 0, len(points))
        self._index.train(self._prepared(points[np.sort(sample)]))
        for start in range(0, len(points), BLOCK):
            self._index.add(self._prepared(points[start : start + BLOCK]))
            progress("indexing codes", min(start + BLOCK, len(points)), len(points))
        self._index.nprobe = min(FIRST_GROUPS, centers)
        self.centers = centers

    def tune(self, queries: NDArray[np.float32], count: int, *, without_itself: bool = False, seed: int = 0) -> float:
        """Search more groups until the recall is sufficient, and return the recall.

        The recall is the fraction of the `count` true neighbors of up to `SAMPLE` random queries that are found. With
        `without_itself`, the queries are the points, and a query, which is always found, is not one of its neighbors.
        """
        drawn = np.sort(np.random.default_rng(seed).permutation(len(queries))[:SAMPLE])
        sample = queries[drawn]
        true, true_distances = search_exactly(self._points, sample, count, self._metric)
        if without_itself:
            _, true_distances = without_own(true, true_distances, drawn)
        while True:
            found, distances = self.search(sample, count)
            if without_itself:
                _, distances = without_own(found, distances, drawn)
            recall = recall_of(true_distances, distances)
            if recall >= TARGET_RECALL or self._index.nprobe >= self.centers:
                return recall
            self._index.nprobe = min(2 * self._index.nprobe, self.centers)

    def search(
        self, queries: NDArray[np.float32], count: int, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the indices of about the `count` nearest points to each query, and their distances, both (M, count).

        A query whose groups hold fewer points has infinite distances at the end.
        """
        indices = np.empty((len(queries), count), np.int64)
        distances = np.empty((len(queries), count))
        wanted = min(SPARE * count + 8, len(self._points))
        for start in range(0, len(queries), BLOCK):
            rows = slice(start, start + BLOCK)
            _, found = self._index.search(self._prepared(queries[rows]), wanted)
            indices[rows], distances[rows] = self._ranked(queries[rows], found, count)
            progress("searching queries", min(rows.stop, len(queries)), len(queries))
        return indices, distances

    def _ranked(
        self, queries: NDArray[np.float32], found: NDArray[np.int64], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rank the points that were found, (M, K); -1 stands for none."""
        distances = pair_distances(self._points, queries, np.maximum(found, 0), self._metric)
        distances[found < 0] = np.inf
        return nearest_first(found, distances, count)

    def _prepared(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors for the Euclidean index: for the cosine distance, divided by their lengths."""
        if self._metric == "euclidean":
            return np.ascontiguousarray(vectors)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def recall_of(true: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Return the fraction of found distances, (M, K), that are no larger than the true K-th distance of their query."""
    return float((found <= true[:, -1:] * (1 + 1e-6)).mean()) if found.size else 1.0
