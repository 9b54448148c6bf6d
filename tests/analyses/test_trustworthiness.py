"""Trustworthiness agrees with scikit-learn, and falls from true to random neighbors."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.analyses import trustworthiness as module
from aecli.analyses.neighbors import NeighborSearch
from aecli.analyses.trustworthiness import trustworthiness

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(200, 8)).astype(np.float32)
PLANE = VECTORS[:, :2].copy()


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev"])
def test_it_is_that_of_scikit_learn(metric: str) -> None:
    from sklearn.manifold import trustworthiness as of_scikit_learn

    expected = of_scikit_learn(VECTORS, PLANE, metric=metric)
    assert trustworthiness(VECTORS, PLANE, metric) == pytest.approx(expected, abs=1e-6)


def test_true_neighbors_reach_1_and_random_ones_about_a_half() -> None:
    assert trustworthiness(PLANE, PLANE) == 1.0
    value = trustworthiness(PLANE, RANDOM.permutation(PLANE))
    assert value is not None
    assert 0.4 < value < 0.6


def test_a_sample_of_many_points_is_examined_with_ranks_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trustworthiness(VECTORS, PLANE)
    monkeypatch.setattr(module, "MAX_POINTS", 100)
    assert trustworthiness(VECTORS, PLANE) == pytest.approx(whole, abs=0.05)
    assert trustworthiness(VECTORS, PLANE) != whole


def test_only_the_neighbors_of_examined_points_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    class Search(NeighborSearch):
        def __init__(self, points: NDArray[np.float32], queries: NDArray[np.float32]):
            searched.append(len(queries))
            super().__init__(points, queries)

    monkeypatch.setattr("aecli.analyses.neighbors.NeighborSearch", Search)
    monkeypatch.setattr(module, "MAX_POINTS", 100)
    trustworthiness(VECTORS, PLANE)
    assert searched == [100]


@pytest.mark.parametrize("scale", [1e-40, 1e37])
def test_huge_and_tiny_codes(scale: float) -> None:
    scaled: NDArray[Any] = VECTORS * np.float32(scale)
    assert trustworthiness(scaled, PLANE) == pytest.approx(trustworthiness(VECTORS, PLANE), abs=1e-3)


def test_three_points_are_too_few() -> None:
    assert trustworthiness(VECTORS[:3], PLANE[:3]) is None
    assert trustworthiness(VECTORS[:4], PLANE[:4]) is not None
