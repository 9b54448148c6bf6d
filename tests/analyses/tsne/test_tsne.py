"""t-SNE by its meaning: clusters stay separate, the divergence is that of the definition, and scikit-learn agrees."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.analyses.embedding import label_accuracy, placed_label_accuracy
from aecli.analyses.embedding_options import parse_sample
from aecli.analyses.neighbors import nearest_others_with_distances
from aecli.analyses.tsne.embed import embed, require_embeddable, settings, tsne
from aecli.analyses.tsne.opentsne_internals import affinities
from aecli.analyses.tsne.options import TSNEOptions
from aecli.analyses.tsne.place import place
from aecli.analyses.tsne.repulsion import MAX_NODES, Repulsion, _node_distance, direct_repulsion
from aecli.codes import Codes, CodesMeta
from aecli.codes.coordinates import PlanePoints
from aecli.errors import InputError, UsageError

QUICK = TSNEOptions(perplexity=10, max_iter=150, sample=None)
METRICS = ("euclidean", "cosine", "manhattan", "chebyshev")


def clusters(count: int = 6, each: int = 30, spread: float = 1.0, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return vectors of Gaussian clusters, (N, 20) float32, and the cluster of each."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), each)
    centers = random.normal(size=(count, 20)) * 8
    return (centers[labels] + spread * random.normal(size=(len(labels), 20))).astype(np.float32), labels


def accuracy(coordinates: NDArray[Any], labels: NDArray[Any]) -> float:
    value = label_accuracy(coordinates, labels)
    assert value is not None
    return value


def exact_forces(points: NDArray[Any]) -> tuple[NDArray[Any], float]:
    differences = points[:, None] - points
    similarity = 1 / (1 + (differences**2).sum(axis=2))
    np.fill_diagonal(similarity, 0)
    return ((similarity**2)[..., None] * differences).sum(axis=1), similarity.sum()


def test_separate_clusters_stay_separate() -> None:
    codes, labels = clusters()
    shuffled = np.random.default_rng(0).permutation(labels)
    plane = tsne(codes, QUICK).coordinates
    assert plane.shape == (180, 2)
    assert accuracy(plane, labels) == 1.0
    assert accuracy(plane, shuffled) < 0.4  # the measure itself can fail


def test_tsne_separates_what_two_principal_components_mix() -> None:
    from sklearn.datasets import load_digits

    images, labels = (part[:400] for part in load_digits(return_X_y=True))
    before, after = (tsne(images, replace(QUICK, max_iter=iterations)).coordinates for iterations in (1, 300))
    assert accuracy(before, labels) < 0.85
    assert accuracy(after, labels) > 0.92


def test_the_divergence_is_that_of_the_definition() -> None:
    codes, _ = clusters(count=2)
    result = tsne(codes, QUICK)
    p = affinities(*nearest_others_with_distances(codes, 30, "euclidean"), perplexity=10, workers=1).P.toarray()
    plane = result.coordinates.astype(float)
    q = 1 / (1 + ((plane[:, None] - plane) ** 2).sum(axis=2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    assert result.kl_divergence == pytest.approx((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum(), rel=1e-3)


@pytest.mark.long
def test_the_result_is_as_good_as_that_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits
    from sklearn.manifold import TSNE

    images, labels = load_digits(return_X_y=True)
    images, labels = images[:500].astype(np.float32), labels[:500]
    ours = tsne(images, TSNEOptions(sample=None))
    theirs = TSNE(random_state=0).fit(images)
    assert ours.kl_divergence < theirs.kl_divergence_ * 1.02
    assert accuracy(ours.coordinates, labels) > accuracy(theirs.embedding_, labels) - 0.02


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, _ = clusters(each=110)  # enough points for several threads
    first = tsne(codes, QUICK)
    assert tsne(codes, QUICK).coordinates.tobytes() == first.coordinates.tobytes()
    monkeypatch.setattr("aecli.analyses.tsne.embed.thread_count", lambda: 1)
    alone = tsne(codes, QUICK)
    assert alone.coordinates.tobytes() == first.coordinates.tobytes()
    assert alone.kl_divergence == pytest.approx(first.kl_divergence, rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"perplexity": 5}, {"max_iter": 60}, {"early_exaggeration": 4}, {"learning_rate": 20}, {"seed": 1}]
    + [{"metric": metric} for metric in METRICS[1:]],
    ids=str,
)
def test_every_option_matters(change: dict[str, Any]) -> None:
    codes, _ = clusters(count=3)
    options = replace(QUICK, max_iter=90)
    usual = tsne(codes, options).coordinates
    assert not np.allclose(tsne(codes, replace(options, **change)).coordinates, usual, atol=1e-3)


@pytest.mark.parametrize(
    ("extent", "grid"),
    [(extent, grid) for extent in (1e-4, 1.0, 30.0, 150.0) for grid in (True, False)] + [(4e3, False)],
)
def test_the_repulsion_is_that_of_all_pairs(extent: float, grid: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    if grid:
        monkeypatch.setattr("aecli.analyses.tsne.repulsion.PAIRS_PER_NODE", 0)
    random = np.random.default_rng(0)
    points = random.normal(size=(700, 2)) * (1, 0.5) * extent / 6
    exact, total = exact_forces(points)
    with ThreadPoolExecutor(2) as threads:
        forces, similarity_sum = Repulsion(threads, 2)(points) if grid else direct_repulsion(points)
    error = np.sqrt(((forces - exact) ** 2).sum() / (exact**2).sum())
    assert error < (0.05 if extent > 10 else 1e-3)
    assert similarity_sum == pytest.approx(total, rel=0.01)


def test_the_grid_is_limited_for_diverging_points() -> None:
    assert 1e9 / _node_distance(1e9) < 2 * MAX_NODES
    assert 0 < _node_distance(0.0) < 1e-30


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["mostly equal", "two values", "one dimension", "huge", "tiny", "some zeros", "far"])
def test_difficult_codes_give_finite_points(kind: str, metric: Any) -> None:
    codes, _ = clusters(count=2)
    codes = {
        "mostly equal": np.concatenate([np.repeat(codes[:1], 100, axis=0), codes[:5]]),
        "two values": np.repeat(codes[[0, 40]], 40, axis=0),
        "one dimension": codes[:, :1],
        "huge": codes * np.float32(1e37),
        "tiny": codes * np.float32(1e-40),
        "some zeros": np.concatenate([np.zeros((40, 20), np.float32), codes]),
        "far": codes + np.float32(1e6),
    }[kind]
    result = tsne(codes, replace(QUICK, metric=metric, max_iter=60))
    assert np.isfinite(result.coordinates).all()
    assert np.isfinite(result.kl_divergence)


def test_the_shape_of_the_codes_does_not_matter() -> None:
    codes, _ = clusters(count=2)
    flat, square = tsne(codes, QUICK), tsne(codes.reshape(-1, 5, 2, 2), QUICK)
    assert flat.coordinates.tobytes() == square.coordinates.tobytes()


def test_four_codes_are_enough() -> None:
    codes, _ = clusters(each=2, count=2)
    result = tsne(codes, TSNEOptions(perplexity=1, max_iter=50, sample=None))
    assert np.isfinite(result.coordinates).all()


def test_too_few_or_equal_codes_are_errors() -> None:
    codes, _ = clusters()
    with pytest.raises(InputError, match="3 codes"):
        tsne(codes[:3], QUICK)
    with pytest.raises(UsageError, match="perplexity") as caught:
        tsne(codes[:40], TSNEOptions(perplexity=30))
    assert caught.value.hint == "--perplexity 13"
    with pytest.raises(InputError, match="equal"):
        tsne(np.ones((50, 3), np.float32), QUICK)


def test_the_largest_perplexity_works_and_a_larger_one_does_not() -> None:
    codes, _ = clusters(count=2)
    assert np.isfinite(tsne(codes[:31], replace(QUICK, perplexity=10, max_iter=30)).kl_divergence)
    with pytest.raises(UsageError, match="perplexity"):
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
def test_options_out_of_range_are_refused(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}"):
        TSNEOptions(**values)


def test_samples_are_all_or_a_number() -> None:
    assert parse_sample("all") is None
    assert parse_sample("500") == parse_sample(500) == 500
    for word in ("many", "3", "-5", "1.5", ""):
        with pytest.raises(UsageError, match="sample"):
            parse_sample(word)


def test_an_embedding_of_codes_is_that_of_its_sample() -> None:
    vectors, labels = clusters()
    meta = CodesMeta("sha256:model", "digits:test", "sha256:data", class_names=list("abcdef"))
    names = np.arange(len(vectors)).astype(np.str_)
    codes = Codes(codes=vectors, names=names, residual_l2=None, meta=meta, labels=labels)
    options = replace(QUICK, sample=60, max_iter=60)
    assert require_embeddable(codes, options, "codes.npz") == []
    assert "perplexity 19" in require_embeddable(codes, replace(options, perplexity=None), "codes.npz")[0]
    embedding = embed(codes, options)
    expected = tsne(vectors[embedding.indices], options)
    assert len(embedding.indices) == 60
    assert embedding.coordinates.tobytes() == expected.coordinates.tobytes()
    assert embedding.method == "t-SNE"
    assert embedding.settings == settings(options)
    assert embedding.metrics == {"perplexity": 10, "kl_divergence": expected.kl_divergence}
    assert "perplexity 10" in embedding.summary
    assert (embedding.state["codes"] == vectors[embedding.indices]).all()
    assert list(embedding.seconds) == ["neighbors", "affinities", "gradient"]


def test_progress_counts_every_iteration() -> None:
    codes, _ = clusters(count=2)
    reports: list[tuple[str, int, int]] = []
    tsne(codes, replace(QUICK, max_iter=30), lambda *report: reports.append(report))
    assert [done for stage, done, _ in reports if "iterations" in stage][:30] == list(range(1, 31))
    assert all(done <= total for _, done, total in reports)
    assert ("neighbors", 60, 60) in reports


@pytest.mark.parametrize("map_size", ["small", "large"])
def test_placing_gives_the_same_bytes_with_any_number_of_threads(
    map_size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if map_size == "large":  # interpolated instead of summed by a tree
        monkeypatch.setattr("aecli.analyses.tsne.place.MIN_POINTS_FOR_FFT", 1)
    codes, labels = clusters()
    plane = (np.array([[0, 0], [40, 0], [0, 40], [40, 40], [80, 0], [0, 80]])[labels] + codes[:, :2]).astype(np.float32)
    points = PlanePoints(plane + 300, np.array([]), labels, list("abcdef"), {}, {"codes": codes})
    new, new_labels = clusters(seed=0, spread=1.2)
    results = []
    for count in (1, 3):
        monkeypatch.setattr("aecli.analyses.tsne.place.thread_count", lambda count=count: count)
        results.append(place(new, points, {"metric": "euclidean"}))
    assert results[0].tobytes() == results[1].tobytes()
    assert placed_label_accuracy(results[0], new_labels, points.coordinates, labels) == 1.0
