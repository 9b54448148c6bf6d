from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.analyses.tsne.embed import draw_sample, label_accuracy, nearest_neighbors, require_distinct, tsne
from aecli.analyses.tsne.options import TSNEOptions, parse_sample
from aecli.analyses.tsne.repulsion import MOST_NODES, Repulsion, _node_distance, direct_repulsion
from aecli.errors import InputError, UsageError

QUICK = TSNEOptions(perplexity=10, max_iter=150, sample=None)


def clusters(count: int = 6, each: int = 30, spread: float = 1.0, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gaussian clusters in 20 dimensions, (N, 20) float32, and which cluster each is of."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), each)
    centers = random.normal(size=(count, 20)) * 8
    return (centers[labels] + spread * random.normal(size=(len(labels), 20))).astype(np.float32), labels


def exact_forces(points: NDArray[Any]) -> tuple[NDArray[Any], float]:
    apart = points[:, None] - points
    similarity = 1 / (1 + (apart**2).sum(axis=2))
    np.fill_diagonal(similarity, 0)
    return ((similarity**2)[..., None] * apart).sum(axis=1), similarity.sum()


def test_clusters_that_are_apart_stay_apart() -> None:
    codes, labels = clusters()
    shuffled = np.random.default_rng(0).permutation(labels)
    plane = tsne(codes, QUICK).coordinates
    assert plane.shape == (180, 2)
    assert label_accuracy(plane, labels) == 1.0
    assert label_accuracy(plane, shuffled) < 0.4  # so that the measure itself can fail


def test_what_two_components_mix_is_told_apart() -> None:
    from sklearn.datasets import load_digits

    images, labels = (part[:400] for part in load_digits(return_X_y=True))
    before, after = (tsne(images, replace(QUICK, max_iter=iterations)).coordinates for iterations in (1, 300))
    assert label_accuracy(before, labels) < 0.85
    assert label_accuracy(after, labels) > 0.92


def test_the_divergence_is_that_of_the_definition() -> None:
    codes, _ = clusters(count=2)
    result = tsne(codes, QUICK)
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    index = PrecomputedNeighbors(*nearest_neighbors(codes, 30, "euclidean"))
    p = PerplexityBasedNN(knn_index=index, perplexity=10).P.toarray()
    plane = result.coordinates.astype(float)
    q = 1 / (1 + ((plane[:, None] - plane) ** 2).sum(axis=2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    assert result.kl_divergence == pytest.approx((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum(), rel=1e-3)


def test_as_good_as_scikit_learn() -> None:
    from sklearn.datasets import load_digits
    from sklearn.manifold import TSNE

    images, labels = load_digits(return_X_y=True)
    images, labels = images[:500].astype(np.float32), labels[:500]
    ours = tsne(images, TSNEOptions(sample=None))
    theirs = TSNE(random_state=0).fit(images)
    assert ours.kl_divergence < theirs.kl_divergence_ * 1.02
    assert label_accuracy(ours.coordinates, labels) > label_accuracy(theirs.embedding_, labels) - 0.02


def test_same_seed_same_bytes_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, _ = clusters(each=110)  # enough for threads to share
    first = tsne(codes, QUICK)
    assert tsne(codes, QUICK).coordinates.tobytes() == first.coordinates.tobytes()
    monkeypatch.setattr("aecli.analyses.tsne.embed.usable_cpus", lambda: 1)
    alone = tsne(codes, QUICK)
    assert alone.coordinates.tobytes() == first.coordinates.tobytes()
    assert alone.kl_divergence == pytest.approx(first.kl_divergence, rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"perplexity": 5}, {"max_iter": 60}, {"early_exaggeration": 4}, {"learning_rate": 20}, {"seed": 1}]
    + [{"metric": metric} for metric in ("cosine", "manhattan", "chebyshev")],
    ids=str,
)
def test_every_option_matters(change: dict[str, object]) -> None:
    codes, _ = clusters(count=3)
    usual = tsne(codes, replace(QUICK, max_iter=90)).coordinates
    assert not np.allclose(tsne(codes, replace(QUICK, **{"max_iter": 90} | change)).coordinates, usual, atol=1e-3)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev"])
def test_neighbors_are_those_of_all_distances(metric: str) -> None:
    from sklearn.metrics import pairwise_distances

    codes, _ = clusters(count=3)
    neighbors, distances = nearest_neighbors(codes, 7, metric)
    every = pairwise_distances(codes.astype(float), metric=metric)
    np.fill_diagonal(every, np.inf)
    assert np.allclose(distances, np.sort(every, axis=1)[:, :7], atol=1e-4)
    assert np.allclose(np.take_along_axis(every, neighbors, axis=1), distances, atol=1e-4)


@pytest.mark.parametrize(
    ("extent", "grid"),
    [(extent, grid) for extent in (1e-4, 1.0, 30.0, 150.0) for grid in (True, False)] + [(4e3, False)],
)
def test_repulsion_is_that_of_all_pairs(extent: float, grid: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    if grid:
        monkeypatch.setattr("aecli.analyses.tsne.repulsion.PAIRS_PER_NODE", 0)
    random = np.random.default_rng(0)
    points = random.normal(size=(700, 2)) * (1, 0.5) * extent / 6
    exact, total = exact_forces(points)
    with ThreadPoolExecutor(2) as threads:
        forces, sum_of_all = Repulsion(threads, 2)(points) if grid else direct_repulsion(points)
    error = np.sqrt(((forces - exact) ** 2).sum() / (exact**2).sum())
    assert error < (0.05 if extent > 10 else 1e-3)
    assert sum_of_all == pytest.approx(total, rel=0.01)


def test_points_that_shoot_off_do_not_fill_the_memory() -> None:
    assert 1e9 / _node_distance(1e9) < 2 * MOST_NODES
    assert 0 < _node_distance(0.0) < 1e-30


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev"])
@pytest.mark.parametrize("kind", ["mostly equal", "two values", "one dimension", "huge", "tiny", "zeros among", "far"])
def test_hard_codes_give_finite_points(kind: str, metric: str) -> None:
    codes, _ = clusters(count=2)
    codes = {
        "mostly equal": np.concatenate([np.repeat(codes[:1], 100, axis=0), codes[:5]]),
        "two values": np.repeat(codes[[0, 40]], 40, axis=0),
        "one dimension": codes[:, :1],
        "huge": codes * np.float32(1e37),
        "tiny": codes * np.float32(1e-40),
        "zeros among": np.concatenate([np.zeros((40, 20), np.float32), codes]),
        "far": codes + np.float32(1e6),
    }[kind]
    result = tsne(codes, replace(QUICK, metric=metric, max_iter=60))
    assert np.isfinite(result.coordinates).all()
    assert np.isfinite(result.kl_divergence)


def test_codes_keep_their_shape_out_of_it() -> None:
    codes, _ = clusters(count=2)
    flat, square = tsne(codes, QUICK), tsne(codes.reshape(-1, 5, 2, 2), QUICK)
    assert flat.coordinates.tobytes() == square.coordinates.tobytes()


def test_as_few_as_four_can_be_laid_out() -> None:
    codes, _ = clusters(each=2, count=2)
    result = tsne(codes, TSNEOptions(perplexity=1, max_iter=50, sample=None))
    assert np.isfinite(result.coordinates).all()


def test_too_few_or_equal_codes_are_errors() -> None:
    codes, _ = clusters()
    with pytest.raises(InputError, match="3 codes are too few"):
        tsne(codes[:3], QUICK)
    with pytest.raises(UsageError, match="perplexity 30 is too large for 40 codes: at most 13") as caught:
        tsne(codes[:40], TSNEOptions(perplexity=30))
    assert caught.value.hint == "--perplexity 13"
    with pytest.raises(InputError, match="all codes are the same"):
        require_distinct(np.ones((50, 3), np.float32))


def test_the_largest_perplexity_works_and_a_larger_one_does_not() -> None:
    codes, _ = clusters(count=2)
    assert np.isfinite(tsne(codes[:31], replace(QUICK, perplexity=10, max_iter=30)).kl_divergence)
    with pytest.raises(UsageError, match="at most 10"):
        tsne(codes[:31], replace(QUICK, perplexity=10.1))


@pytest.mark.parametrize(
    "values",
    [
        *({"perplexity": value} for value in (0.5, float("nan"), float("inf"))),
        *({"learning_rate": value} for value in (0.0, -1.0)),
        {"max_iter": 0},
        {"early_exaggeration": 0},
        {"seed": -1},
    ],
    ids=str,
)
def test_senseless_options_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="makes no sense"):
        TSNEOptions(**values)


def test_samples() -> None:
    assert parse_sample("all") is None
    assert parse_sample("500") == parse_sample(500) == 500
    for word in ("many", "3", "-5", "1.5", ""):
        with pytest.raises(UsageError, match="not a sample"):
            parse_sample(word)


def test_a_sample_has_each_class_in_its_share() -> None:
    labels = np.repeat([0, 1, 2, -1], [500, 300, 4, 196])
    rows = draw_sample(labels, 1000, TSNEOptions(sample=100))
    assert len(rows) == len(set(rows.tolist())) == 100
    assert (np.diff(rows) > 0).all()
    counts = dict(zip(*np.unique(labels[rows], return_counts=True), strict=True))
    assert counts == {0: pytest.approx(50, abs=2), 1: pytest.approx(30, abs=2), 2: 1, -1: pytest.approx(20, abs=2)}
    other = draw_sample(labels, 1000, TSNEOptions(sample=100, seed=1))
    assert (other != rows).any()
    assert (draw_sample(labels, 1000, TSNEOptions(sample=100)) == rows).all()


@pytest.mark.parametrize("sample", [None, 1000, 5000])
def test_all_are_drawn_where_there_are_no_more(sample: int | None) -> None:
    assert (draw_sample(None, 1000, TSNEOptions(sample=sample)) == np.arange(1000)).all()


def test_more_classes_than_the_sample_has_places() -> None:
    labels = np.arange(300)
    assert len(draw_sample(labels, 300, TSNEOptions(sample=50))) == 50


def test_label_accuracy_looks_at_labeled_points_only() -> None:
    plane = np.array([[0, 0], [0, 0], [5, 5], [5, 6], [0.1, 0]], np.float32)
    assert label_accuracy(plane, np.array([0, 0, 1, 1, -1])) == 1.0
    assert label_accuracy(plane, np.array([0, 1, 0, 1, -1])) == 0.0
    assert label_accuracy(plane, None) is None
    assert label_accuracy(plane, np.full(5, -1)) is None


def test_progress_counts_every_iteration() -> None:
    codes, _ = clusters(count=2)
    told: list[tuple[str, int, int]] = []
    tsne(codes, replace(QUICK, max_iter=30), lambda *words: told.append(words))
    assert [done for stage, done, _ in told if stage == "t-SNE"][:30] == list(range(1, 31))
    assert all(done <= total for _, done, total in told)
    assert ("neighbors", 60, 60) in told
