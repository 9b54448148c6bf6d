"""Principal components: codes projected on the plane in which they vary most.

New codes are projected by the same components, so that a map needs no codes to place others.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding, require_distinct
from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.sampling import draw_sample
from aecli.codes import Codes
from aecli.codes.coordinates import PlanePoints
from aecli.errors import InputError
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent

METHOD = "PCA"
MIN_CODES = 2
MAX_VALUES_FOR_COVARIANCE = 2000
"""Codes of more values are decomposed by a randomized method."""


def require_embeddable(codes: Codes, options: SampleOptions, name: str) -> list[str]:
    """Check that the codes can be embedded, and return notes for the user: none; errors call the codes `name`.

    Raises:
        InputError: there are too few codes, or all are equal.
    """
    if len(codes) < MIN_CODES:
        raise InputError(f"{name}: {counted(len(codes), 'code')}, but PCA needs at least {MIN_CODES}")
    require_distinct(codes.codes, name)
    return []


def embed(codes: Codes, options: SampleOptions, progress: Progress = silent) -> Embedding:
    """Draw a sample of the codes and project it on its first two principal components.

    Raises:
        InputError: there are too few codes, or all are equal.
    """
    require_embeddable(codes, options, "codes")
    started = time.perf_counter()
    indices = draw_sample(codes.labels, len(codes), options.sample, options.seed)
    vectors = codes.codes[indices].reshape(len(indices), -1)
    require_distinct(vectors)
    mean, components, explained = principal_components(vectors, options.seed)
    return Embedding(
        codes=codes,
        indices=indices,
        coordinates=_project(vectors, mean, components),
        method=METHOD,
        settings={"sample": options.sample or "all", "seed": options.seed},
        metrics={"explained_variance": explained},
        summary=f"explained variance {explained:.1%}",
        seconds={"components": time.perf_counter() - started},
        state={"mean": mean, "components": components},
    )


def place(
    codes: NDArray[np.float32], points: PlanePoints, settings: Mapping[str, Any], progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the positions of the (N, D) codes in the plane of a map, (N, 2).

    Raises:
        ValueError: the state of the points does not fit the codes.
    """
    mean, components = points.state["mean"], points.state["components"]
    if mean.shape != codes.shape[1:] or components.shape != (2, codes.shape[1]):
        raise ValueError(f"components of shape {components.shape} for codes of {codes.shape[1]} values")
    return _project(codes, mean, components)


def principal_components(
    vectors: NDArray[np.float32], seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the mean (D,) of (N, D) vectors, two components (2, D), and the fraction of the variance they explain.

    The components are scaled so that the largest deviation of a value from its mean counts as 1. Vectors of one value
    have a second component of zeros.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    values = vectors.astype(np.float64)
    mean = values.mean(axis=0)
    values -= mean
    scale = np.abs(values).max() or 1.0  # squares of huge or tiny values would over- or underflow
    values /= scale
    count = min(2, *values.shape)
    solver = "covariance_eigh" if values.shape[1] <= MAX_VALUES_FOR_COVARIANCE else "randomized"
    with threadpool_limits(1, "blas"):  # the same bytes with any number of threads
        fitted = PCA(count, svd_solver=solver, random_state=seed).fit(values)
    components = np.zeros((2, values.shape[1]))
    components[:count] = fitted.components_ / scale
    return mean, components, float(fitted.explained_variance_ratio_.sum())


def _project(
    vectors: NDArray[np.float32], mean: NDArray[np.floating], components: NDArray[np.floating]
) -> NDArray[np.float32]:
    points: NDArray[np.float32] = ((vectors - mean) @ components.T).astype(np.float32)
    return points
