"""Find the nearest codes of queries, by the method that suits their number."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.approximate import PACKAGE, ApproximateSearch
from aecli.analyses.search.exact import search_exactly
from aecli.analyses.search.options import DistanceOptions, Method, SearchOptions
from aecli.analyses.search.ranking import without_own
from aecli.codes import Codes
from aecli.errors import InputError, UsageError
from aecli.runtime.counting import counted
from aecli.runtime.optional_packages import is_installed
from aecli.runtime.progress import Progress, silent
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.labels import UNLABELED


@dataclass(frozen=True)
class Neighbors:
    """The K nearest of a set of codes for each of M queries."""

    indices: NDArray[np.int64]
    """(M, K), the nearest first."""
    distances: NDArray[np.float64]
    """(M, K), ascending."""
    method: Method
    """`exact` or `approximate`."""
    recall: float
    """The fraction of the true neighbors that were found, measured on a sample of the queries; 1 if exact."""
    note: str | None = None
    """Why the search took longer than necessary, if it did."""

    @property
    def method_text(self) -> str:
        """The method in words: `exact`, or such as `approximate, recall 0.9957 on a sample`."""
        return "exact" if self.method == "exact" else f"approximate, recall {self.recall:.4f} on a sample"


@dataclass(frozen=True)
class SearchResult:
    """The codes that are nearest to each of M queries."""

    codes: Codes
    """The N codes that were searched."""
    query_names: NDArray[np.str_]
    """(M,)"""
    neighbors: Neighbors
    options: SearchOptions
    seconds: float
    """Duration of the search, without reading and encoding."""

    def __len__(self) -> int:
        return len(self.query_names)

    def label_of(self, index: int) -> str | None:
        """Return the class of a code, or None if it is unknown."""
        labels = self.codes.labels
        if labels is None or labels[index] == UNLABELED:
            return None
        return self.codes.meta.class_names[int(labels[index])]

    def found(self, query: int) -> list[tuple[int, float]]:
        """Return the index and the distance of each code that was found for a query, the nearest first."""
        indices, distances = self.neighbors.indices[query].tolist(), self.neighbors.distances[query].tolist()
        return list(zip(indices, distances, strict=True))

    def to_dict(self, query: int) -> dict[str, Any]:
        """Return the neighbors of a query as plain values."""
        neighbors = [
            {"name": str(self.codes.names[index]), "index": index, "distance": distance}
            | ({"label": label} if (label := self.label_of(index)) is not None else {})
            for index, distance in self.found(query)
        ]
        return {"query": str(self.query_names[query]), "neighbors": neighbors}

    def summary_to_dict(self) -> dict[str, Any]:
        """Return how the codes were searched as plain values."""
        return {
            "queries": len(self),
            "codes": len(self.codes),
            "dimensions": int(np.prod(self.codes.codes.shape[1:])),
            "neighbors": self.neighbors.indices.shape[1],
            "metric": self.options.metric,
            "method": self.neighbors.method,
            "recall": self.neighbors.recall,
            "seconds": round(self.seconds, 3),
            "model": self.codes.meta.model_fingerprint,
        }


def search(codes: Codes, queries: Codes, options: SearchOptions, progress: Progress = silent) -> SearchResult:
    """Find the nearest codes of each query.

    If the queries are the same codes, a code is not its own neighbor.

    Args:
        codes: The N codes to search.
        queries: Codes by the same model.
        options: How many codes to find, and how.
        progress: Called during the search.

    Raises:
        InputError: there are no codes, or the queries were made by another model.
        UsageError: there are fewer codes than neighbors.
        UnavailableError: an index is requested, and faiss is not installed.
    """
    started = time.monotonic()
    require_comparable(codes, queries)
    same = _are_same(codes, queries)
    available = len(codes) - same
    if options.neighbors > available:
        raise UsageError(
            f"{counted(options.neighbors, 'neighbor')} requested, but only {counted(available, 'code')} can be found",
            hint=f"-k {available}" if available else "search in another file",
        )
    points = flat(codes)
    asked = points if same else flat(queries)
    found = nearest(points, asked, options.neighbors, options, without_itself=same, progress=progress)
    return SearchResult(codes, queries.names, found, options, time.monotonic() - started)


def nearest(
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    count: int,
    options: DistanceOptions,
    *,
    without_itself: bool = False,
    progress: Progress = silent,
) -> Neighbors:
    """Return the `count` nearest of (N, D) points for each of (M, D) queries.

    Args:
        points: (N, D)
        queries: (M, D); the points themselves with `without_itself`.
        count: K, at most N, or N - 1 with `without_itself`.
        options: The distance and the method.
        without_itself: Whether to leave out the point with the index of the query.
        progress: Called during the search.

    Raises:
        UnavailableError: an index is requested, and faiss is not installed.
    """
    wanted, note = count + without_itself, None
    builds_index = options.prefers_index(len(points), len(queries))
    if builds_index and options.method == "auto" and not is_installed(PACKAGE):
        builds_index = False
        note = (
            "each query is compared with all codes: pip install 'aecli[search]' makes this search several times faster"
        )
    method: Method = "exact"
    recall = 1.0
    if builds_index:
        index = ApproximateSearch(points, options.metric, progress=progress)
        recall, method = index.tune(queries, wanted, without_itself=without_itself), "approximate"
        indices, distances = index.search(queries, wanted, progress)
        short = np.flatnonzero(~np.isfinite(distances[:, -1]))  # the groups that were searched hold fewer codes
        if len(short):
            indices[short], distances[short] = search_exactly(points, queries[short], wanted, options.metric, progress)
    else:
        indices, distances = search_exactly(points, queries, wanted, options.metric, progress)
    if without_itself:
        indices, distances = without_own(indices, distances, np.arange(len(queries)))
    return Neighbors(indices, distances, method, recall, note)


def flat(codes: Codes) -> NDArray[np.float32]:
    """Return the codes as vectors, (N, D)."""
    return codes.codes.reshape(len(codes), -1)


def require_comparable(codes: Codes, others: Codes) -> None:
    """Check that there are codes, and that both were made by the same model.

    Raises:
        InputError: they were not.
    """
    if not len(codes) or not len(others):
        raise InputError("there are no codes to compare", hint="aecli encode writes codes")
    if codes.meta.model_fingerprint != others.meta.model_fingerprint or codes.codes.shape[1:] != others.codes.shape[1:]:
        raise InputError(
            f"the codes were made by different models ({short_fingerprint(codes.meta.model_fingerprint)} and "
            f"{short_fingerprint(others.meta.model_fingerprint)})",
            hint="encode both with the same model; aecli info CODES.npz shows its fingerprint",
        )


def _are_same(codes: Codes, queries: Codes) -> bool:
    if codes is queries:
        return True
    return (
        codes.meta.data_fingerprint == queries.meta.data_fingerprint
        and np.array_equal(codes.names, queries.names)
        and np.array_equal(codes.codes, queries.codes)
    )
