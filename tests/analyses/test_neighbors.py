"""Both searches for nearest neighbors, compared with a matrix of all distances."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from aecli.analyses.neighbors import (
    POINT_BLOCK,
    QUERIES_PER_REPORT,
    NeighborSearch,
    nearest_others,
    nearest_others_with_distances,
)

METRICS = ("euclidean", "cosine", "manhattan", "chebyshev")


@pytest.mark.parametrize("neighbors", [1, 2, 7])
@pytest.mark.parametrize("count", [9, POINT_BLOCK - 1, 2 * POINT_BLOCK + 3])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_search_is_exact(metric: str, count: int, neighbors: int) -> None:
    random = np.random.default_rng(0)
    points, queries = (random.normal(5, 1, size=(n, 16)).astype(np.float32) for n in (count, 600))
    expected = pairwise_distances(queries.astype(np.float64), points.astype(np.float64), metric=metric)
    found = NeighborSearch(points, queries, metric).nearest(neighbors)
    distances = np.take_along_axis(expected, found, axis=1)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :neighbors], rtol=1e-5)


def test_a_search_in_a_subset_returns_indices_into_the_subset() -> None:
    points = np.arange(10, dtype=np.float32)[:, None]
    queries = np.array([[0.2], [8.7]], np.float32)
    found = NeighborSearch(points, queries).nearest(1, subset=np.array([3, 5, 8]))
    assert found.tolist() == [[0], [2]]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbors_of_equal_and_zero_vectors_are_distinct(metric: str) -> None:
    points = np.zeros((20, 3), np.float32)
    found = NeighborSearch(points, points, metric).nearest(4)
    assert all(len(set(row)) == 4 for row in found.tolist())


@pytest.mark.parametrize("metric", METRICS)
def test_other_points_and_distances_are_exact(metric: str) -> None:
    points = np.random.default_rng(0).normal(size=(90, 20)).astype(np.float32) * 4
    neighbors, distances = nearest_others_with_distances(points, 7, metric)
    expected = pairwise_distances(points.astype(float), metric=metric)
    np.fill_diagonal(expected, np.inf)
    assert np.allclose(distances, np.sort(expected, axis=1)[:, :7], atol=1e-4)
    assert np.allclose(np.take_along_axis(expected, neighbors, axis=1), distances, atol=1e-4)


def test_both_searches_find_the_same_other_points() -> None:
    points = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    expected, _ = nearest_others_with_distances(points, 5, "euclidean")
    assert (nearest_others(points, 5) == expected).all()


def test_the_others_of_chosen_points_are_among_all_points() -> None:
    points = np.random.default_rng(0).normal(size=(POINT_BLOCK + 300, 2)).astype(np.float32)
    points[:9] = points[0]
    chosen = np.array([3, 8, 40, len(points) - 1])
    found = nearest_others(points, 5, chosen=chosen)
    assert (found == nearest_others(points, 5)[chosen]).all()
    assert (found != chosen[:, None]).all()


@pytest.mark.parametrize("count", [1, 4])
def test_a_point_is_not_its_own_neighbor_even_if_it_has_duplicates(count: int) -> None:
    points = np.repeat(np.eye(2, 3, dtype=np.float32), 12, axis=0)
    for found in (nearest_others(points, count), nearest_others_with_distances(points, count, "euclidean")[0]):
        assert (found != np.arange(24)[:, None]).all()
        assert (found // 12 == np.arange(24)[:, None] // 12).all()


def test_a_single_point_has_no_others() -> None:
    point = np.ones((1, 3), np.float32)
    found, distances = nearest_others_with_distances(point, 0, "euclidean")
    assert nearest_others(point, 0).shape == found.shape == distances.shape == (1, 0)


def test_progress_counts_the_queries() -> None:
    points = np.random.default_rng(0).normal(size=(QUERIES_PER_REPORT + 10, 3)).astype(np.float32)
    reports: list[tuple[str, int, int]] = []
    nearest_others_with_distances(points, 2, "euclidean", lambda *report: reports.append(report), "search")
    assert reports == [("search", done, len(points)) for done in (QUERIES_PER_REPORT, len(points))]
    reports.clear()
    nearest_others(points, 2, lambda *report: reports.append(report), "search")
    assert reports[-1] == ("search", len(points), len(points))
