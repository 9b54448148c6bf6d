"""UMAP of codes (McInnes, Healy and Melville, arXiv 1802.03426, 2018), computed by umap-learn.

With a seed, umap-learn runs in one thread, and the same input, seed and machine give the same bytes.
"""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding, require_distinct
from aecli.analyses.sampling import draw_sample
from aecli.analyses.state_of_map import codes_of_map, metric_of_map
from aecli.analyses.umap.options import DEFAULT_NEIGHBORS, UMAPOptions
from aecli.codes import Codes
from aecli.codes.coordinates import PlanePoints
from aecli.errors import UnavailableError
from aecli.runtime.optional_packages import is_installed
from aecli.runtime.progress import Progress, silent

METHOD = "UMAP"


def require_embeddable(codes: Codes, options: UMAPOptions, name: str) -> list[str]:
    """Check that the codes can be embedded, and return notes for the user; errors call the codes `name`.

    Raises:
        UnavailableError: umap-learn is not installed.
        InputError: there are too few codes, or all are equal.
        UsageError: there are more neighbors than other codes.
    """
    require_available()
    neighbors = options.neighbors_for(len(codes), name)
    require_distinct(codes.codes, name)
    if options.n_neighbors is None and neighbors < DEFAULT_NEIGHBORS:
        return [f"{name}: using {neighbors} neighbors, the largest number for so few codes"]
    return []


def require_available() -> None:
    """Check that umap-learn is installed.

    Raises:
        UnavailableError: it is not.
    """
    if not is_installed("umap"):
        raise UnavailableError(
            "UMAP needs the package umap-learn", hint="pip install 'aecli[umap]', or --method tsne or pca"
        )


def embed(codes: Codes, options: UMAPOptions, progress: Progress = silent) -> Embedding:
    """Draw a sample of the codes and embed it in the plane.

    Raises:
        UnavailableError: umap-learn is not installed.
        InputError: there are too few codes, or all are equal.
        UsageError: there are more neighbors than other codes.
    """
    require_available()
    neighbors = options.neighbors_for(len(codes))
    indices = draw_sample(codes.labels, len(codes), options.sample, options.seed)
    vectors = codes.codes[indices].reshape(len(indices), -1)
    require_distinct(vectors)
    started = time.perf_counter()
    with _umap_learn() as umap:
        model = umap.UMAP(
            n_neighbors=neighbors,
            min_dist=options.min_dist,
            metric=options.metric,
            random_state=options.seed,
            n_jobs=1,
            init="spectral" if len(vectors) > 10 else "random",  # too few for the eigenvectors
        )
        coordinates = model.fit_transform(_scaled(vectors, vectors))
    return Embedding(
        codes=codes,
        indices=indices,
        coordinates=np.asarray(coordinates, np.float32),
        method=METHOD,
        settings={
            "sample": options.sample or "all",
            "seed": options.seed,
            "metric": options.metric,
            "n_neighbors": options.n_neighbors or f"{DEFAULT_NEIGHBORS}, or all others for few codes",
            "min_dist": options.min_dist,
            "umap-learn": umap.__version__,
        },
        metrics={"n_neighbors": neighbors},
        summary=f"{neighbors} neighbors",
        seconds={"fit": time.perf_counter() - started},
        state={"codes": vectors},
    )


def place(
    codes: NDArray[np.float32], points: PlanePoints, settings: Mapping[str, Any], progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the positions of the (N, D) codes among the points of a map with these settings, (N, 2).

    The map stays as it is. What umap-learn needs of it is computed again from its codes.

    Raises:
        UnavailableError: umap-learn is not installed.
        ValueError: the settings or the state of the points do not fit the codes.
    """
    require_available()
    known, metric = codes_of_map(points, codes.shape[1]), metric_of_map(settings)
    neighbors, min_dist, seed = points.about.get("n_neighbors"), settings.get("min_dist"), settings.get("seed")
    if not isinstance(neighbors, int) or not isinstance(seed, int) or not isinstance(min_dist, float | int):
        raise ValueError("the number of neighbors, the distance or the seed is missing")
    if not (2 <= neighbors < len(known) and 0 <= min_dist <= 1 and 0 <= seed < 2**32):
        raise ValueError("the number of neighbors, the distance or the seed is out of range")
    with _umap_learn() as umap:
        model = umap.UMAP(
            n_neighbors=neighbors,
            min_dist=min_dist,
            metric=metric,
            random_state=seed,
            n_jobs=1,
            n_epochs=0,  # the map is known, only the graph of its neighbors is not
            init=points.coordinates.astype(np.float32),
        )
        model.fit(_scaled(known, known))
        model.embedding_, model.n_epochs = points.coordinates.astype(np.float32), None
        return np.asarray(model.transform(_scaled(codes, known)), np.float32)


@contextmanager
def _umap_learn() -> Iterator[Any]:
    """Yield the module `umap`, without the warnings of umap-learn and numba."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        yield umap


def _scaled(vectors: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, D) codes divided by the largest value of `known`, whose squares could over- or underflow."""
    return (vectors / float(np.abs(known).max())).astype(np.float32)
