"""Exact and approximate searches, compared with a matrix of all distances of codes of real digits."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

from aecli.analyses.search import exact, options, search
from aecli.analyses.search.approximate import ApproximateSearch, recall_of
from aecli.analyses.search.exact import search_exactly
from aecli.analyses.search.options import Method, Metric, SearchOptions
from aecli.analyses.search.ranking import pair_distances
from aecli.codes import Codes
from aecli.errors import InputError, UnavailableError, UsageError
from aecli.runtime.progress import Progress
from tests.analyses.digit_codes import digit_codes

METRICS: tuple[Metric, ...] = ("euclidean", "cosine")
METHODS: tuple[Method, ...] = ("approximate", "exact")


@pytest.fixture(scope="module")
def codes() -> Codes:
    return digit_codes()


@pytest.fixture
def points(codes: Codes) -> NDArray[np.float32]:
    return search.flat(codes)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("part", [1 << 24, 64 * 50])
def test_the_exact_search_is_exact_in_one_part_and_in_many(
    metric: Metric, part: int, points: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "PART_VALUES", part)
    found, distances = search_exactly(points, points[:40], 7, metric)
    expected = pairwise_distances(points[:40].astype(np.float64), points.astype(np.float64), metric=metric)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :7], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(expected, found, axis=1), distances, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_codes_have_distance_zero_and_come_in_order(metric: Metric, points: NDArray[np.float32]) -> None:
    doubled = np.concatenate([points[:30], points[:30]])
    found, distances = search_exactly(doubled, points[:30], 2, metric)
    assert (distances == 0).all()
    assert (found == np.stack([np.arange(30), np.arange(30, 60)], axis=1)).all()


def test_the_cosine_distance_does_not_depend_on_lengths_and_knows_zeros() -> None:
    points = np.array([[3, 0], [0, 2], [0, 0]], np.float32)
    distances = pair_distances(points, np.array([[1, 0], [0, 0]], np.float32), np.array([[0, 1, 2]] * 2), "cosine")
    assert distances.tolist() == [[0, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize("metric", METRICS)
def test_the_index_finds_almost_all_neighbors(metric: Metric, points: NDArray[np.float32]) -> None:
    pytest.importorskip("faiss")
    random = np.random.default_rng(0)
    many = (points[random.integers(len(points), size=4000)] + random.normal(0, 0.05, (4000, points.shape[1]))).astype(
        np.float32
    )
    index = ApproximateSearch(many, metric)
    recall = index.tune(many, 5)
    found, distances = index.search(many[:200], 5)
    expected, expected_distances = search_exactly(many, many[:200], 5, metric)
    assert recall > 0.98
    assert np.mean([len({*a} & {*b}) / 5 for a, b in zip(found.tolist(), expected.tolist(), strict=True)]) > 0.97
    assert recall_of(expected_distances, distances) > 0.97
    np.testing.assert_allclose(distances, pair_distances(many, many[:200], found, metric))


def test_recall_does_not_count_that_a_code_finds_itself(
    points: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    index = ApproximateSearch(points, "euclidean")

    def itself_and_the_farthest(
        queries: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        found, distances = search_exactly(points, queries, len(points))
        return found[:, [0, -1]], distances[:, [0, -1]]

    monkeypatch.setattr(index, "search", itself_and_the_farthest)
    assert index.tune(points, 2) == 0.5
    assert index.tune(points, 2, without_itself=True) == 0


def test_a_code_is_not_its_own_neighbor(codes: Codes) -> None:
    result = search.search(codes, codes, SearchOptions(neighbors=3))
    assert (result.neighbors.indices != np.arange(len(codes))[:, None]).all()
    assert (result.neighbors.distances > 0).all()
    renamed = replace(codes, names=np.char.add(codes.names, "x"))
    assert (search.search(codes, renamed, SearchOptions(neighbors=1)).neighbors.distances == 0).all()


def test_neighbors_are_mostly_of_the_same_class(codes: Codes) -> None:
    assert codes.labels is not None
    result = search.search(codes, codes, SearchOptions(neighbors=1))
    assert (codes.labels[result.neighbors.indices[:, 0]] == codes.labels).mean() > 0.9
    document = result.to_dict(0)
    assert document["neighbors"][0]["label"] == result.label_of(result.found(0)[0][0])


def test_the_method_depends_on_the_numbers_of_codes_and_queries(codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(options, "EXACT_CODES", 100)
    monkeypatch.setattr(options, "EXACT_QUERIES", 200)
    few = replace(codes, codes=codes.codes[:50], names=codes.names[:50])
    assert search.search(codes, few, SearchOptions()).neighbors.method == "exact"
    assert search.search(codes, codes, SearchOptions(method="exact")).neighbors.method == "exact"
    found = search.search(codes, codes, SearchOptions()).neighbors
    assert (found.method, found.recall > 0.9) == ("approximate", True)
    monkeypatch.setattr(search, "is_installed", lambda module: False)
    found = search.search(codes, codes, SearchOptions()).neighbors
    assert found.method == "exact"
    assert found.note is not None
    assert "aecli[search]" in found.note


@pytest.mark.parametrize("without_itself", [False, True])
def test_queries_with_too_few_codes_in_their_groups_are_searched_exactly(
    without_itself: bool, points: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    class SmallGroups:
        """An index that finds three codes for every fifth query."""

        def __init__(self, points: NDArray[np.float32], metric: Metric, progress: Progress):
            self.points, self.metric = points, metric

        def tune(self, queries: NDArray[np.float32], count: int, *, without_itself: bool) -> float:
            return 1.0

        def search(
            self, queries: NDArray[np.float32], count: int, progress: Progress
        ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            indices, distances = search_exactly(self.points, queries, count, self.metric)
            indices[::5, 3:], distances[::5, 3:] = -1, np.inf
            return indices, distances

    monkeypatch.setattr(search, "ApproximateSearch", SmallGroups)
    queries = points if without_itself else points[:40]
    found, exact = (
        search.nearest(points, queries, 6, SearchOptions(method=method), without_itself=without_itself)
        for method in METHODS
    )
    assert (found.method, exact.method) == ("approximate", "exact")
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_array_equal(found.distances, exact.distances)


def test_a_missing_package_is_named(codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.analyses.search.approximate.is_installed", lambda module: False)
    with pytest.raises(UnavailableError, match="faiss") as caught:
        search.search(codes, codes, SearchOptions(method="approximate"))
    assert "aecli[search]" in (caught.value.hint or "")


def test_invalid_numbers_and_other_models_are_refused(codes: Codes) -> None:
    for neighbors in (0, -1):
        with pytest.raises(UsageError, match="at least 1"):
            SearchOptions(neighbors=neighbors)
    with pytest.raises(UsageError, match=r"359 neighbors .* 358 codes"):
        search.search(codes, codes, SearchOptions(neighbors=359))
    other = replace(codes, meta=replace(codes.meta, model_fingerprint="sha256:0"))
    with pytest.raises(InputError, match="different models"):
        search.search(codes, other, SearchOptions())
    empty = replace(codes, codes=codes.codes[:0], names=codes.names[:0])
    with pytest.raises(InputError, match="no codes"):
        search.search(codes, empty, SearchOptions())
