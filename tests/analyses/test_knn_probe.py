"""The probe by what it means: clusters are told apart, shuffled labels are not, and nothing leaks."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading

from aecli.analyses.knn_probe import Accuracy, ProbeResult, probe
from aecli.analyses.knn_probe_options import METHODS, KNNProbeOptions
from aecli.analyses.label_spreading import neighbour_graph, normalised, spread
from aecli.analyses.labelled_draws import ProbeLabels, draw_labelled, match_labels
from aecli.analyses.linear_probe import Scaling, classify_linearly
from aecli.analyses.nearest import COLUMNS, cosine, euclidean, nearest
from aecli.analyses.probe_features import Features, code_features, count_shared, pca_features, pixel_features
from aecli.codes import Codes, CodesMeta
from aecli.errors import InputError, UsageError

CLASSES = ("zero", "one", "two", "three")
QUICK = KNNProbeOptions(labels="12", draws=5)


def clusters(count: int, apart: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` vectors of 6 dimensions around four corners, and their classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    return (np.eye(6)[labels] * apart + random.normal(size=(count, 6))).astype(np.float32), labels


def probed(apart: float = 20.0, options: KNNProbeOptions = QUICK, **changes: Callable) -> ProbeResult:
    (train, train_labels), (test, test_labels) = clusters(80, apart, 1), clusters(40, apart, 2)
    labels = {"train": train_labels, "test": test_labels}
    labels |= {name: change(labels[name]) for name, change in changes.items()}
    return probe({"codes": Features(train, test)}, ProbeLabels(**labels, class_names=CLASSES), options)


def codes(labels: list[int] | None, names: list[str], data: str = "a", model: str = "m", shape: int = 2) -> Codes:
    count = 3 if labels is None else len(labels)
    return Codes(
        codes=np.arange(count * shape, dtype=np.float32).reshape(count, shape, 1) + len(data),
        names=np.array([str(number) for number in range(count)]),
        residual_l2=np.zeros(count, np.float32),
        meta=CodesMeta(model_fingerprint=model, data=data, data_fingerprint=data, class_names=names),
        labels=None if labels is None else np.array(labels),
    )


@pytest.fixture(scope="module")
def digits() -> tuple[Features, ProbeLabels]:
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    names = tuple("0123456789")
    return Features(images[:400], images[400:600]), ProbeLabels(labels[:400], labels[400:600], names)


# What the figures mean


@pytest.mark.parametrize("method", METHODS)
def test_clusters_far_apart_are_told_apart_without_an_error(method):
    result = probed(options=replace(QUICK, methods=method))
    assert [row.mean for row in result.accuracies] == [1.0]


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_labels_are_at_chance(method):
    shuffled = np.random.default_rng(3).permutation
    result = probed(options=replace(QUICK, methods=method, draws=30), train=shuffled, test=shuffled)
    assert result.accuracies[0].mean == pytest.approx(0.25, abs=0.06)


def test_mean_deviation_and_interval_are_those_of_the_draws():
    row = Accuracy(100, "codes", "linear", (0.7, 0.8, 0.9))
    assert row.mean == pytest.approx(0.8)
    assert row.standard_deviation == pytest.approx(0.1)
    half = 4.302653 * 0.1 / 3**0.5  # Student's t for two degrees of freedom, from a table
    assert row.interval == pytest.approx((0.8 - half, 0.8 + half))
    assert Accuracy(4000, "codes", "linear", (0.9,)).interval is None


def test_all_labels_are_one_draw():
    result = probed(options=KNNProbeOptions(labels="8,all", draws=7))
    assert {(row.labels, len(row.draws)) for row in result.accuracies} == {(8, 7), (80, 1)}


def test_the_best_is_named_for_each_number_of_labels():
    rows = tuple(Accuracy(count, "codes", name, (mean,)) for count, name, mean in [(1, "a", 0.1), (1, "b", 0.2)])
    assert ProbeResult(rows, 1, 1, ()).best(1).method == "b"


def test_the_same_seed_gives_the_same_figures_and_another_seed_others():
    first, again, other = (probed(1.5, replace(QUICK, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first.accuracies != other.accuracies


def test_further_numbers_of_labels_change_nothing_for_the_others():
    alone, among = (probed(1.5, replace(QUICK, labels=labels)) for labels in ("12", "8,12,all"))
    assert [row for row in among.accuracies if row.labels == 12] == list(alone.accuracies)


@pytest.mark.parametrize(
    "change", [{"labels": "40"}, {"neighbours": 3}, {"balance": False}, {"draws": 6}, {"methods": "linear"}]
)
def test_every_option_matters(change):
    assert probed(1.5, replace(QUICK, **change)).accuracies != probed(1.5).accuracies


def test_features_get_the_same_draws():
    (train, labels), (test, _) = clusters(80, 1.5, 1), clusters(40, 1.5, 2)
    both = {"codes": Features(train, test), "twins": Features(train, test)}
    rows = probe(both, ProbeLabels(labels, labels[:40], CLASSES), QUICK).accuracies
    figures = {(row.features, row.method): row.draws for row in rows}
    for method in METHODS:
        assert figures["codes", method] == figures["twins", method]


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_test_codes_are_never_used(method, digits):
    features, labels = digits
    options = KNNProbeOptions(labels="30", draws=2, methods=method)
    seen = []
    for test in (labels.test, np.roll(labels.test, 7)):
        row = probe({"codes": features}, replace(labels, test=test), options).accuracies[0]
        seen.append(row.mean)
    assert seen[1] < 0.3 < 0.6 < seen[0]  # the predictions follow the images, whatever the labels say


# Draws


@pytest.mark.parametrize("count", [4, 12, 40])
def test_balanced_draws_are_balanced_and_of_training_codes_only(count):
    labels = np.repeat([0, 1, 2, 3, -1], [30, 25, 20, 15, 10])
    for rows in draw_labelled(labels, count, 20, balance=True, seed=0):
        assert len(set(rows.tolist())) == count
        assert np.bincount(labels[rows]).tolist() == [count // 4] * 4


def test_what_does_not_divide_goes_to_classes_by_chance():
    labels = np.arange(40) % 4
    extra = [np.bincount(labels[rows]) - 1 for rows in draw_labelled(labels, 6, 200, balance=True, seed=0)]
    assert all(sorted(one.tolist()) == [0, 0, 1, 1] for one in extra)
    assert np.mean(extra, axis=0) == pytest.approx([0.5] * 4, abs=0.12)


def test_fewer_labels_than_classes_go_to_classes_by_chance():
    draws = draw_labelled(np.arange(40) % 4, 2, 50, balance=True, seed=0)
    assert {len(set((rows % 4).tolist())) for rows in draws} == {2}
    assert len({tuple(sorted(rows % 4)) for rows in draws}) > 3


def test_what_a_small_class_lacks_comes_from_the_others():
    labels = np.repeat([0, 1, 2], [2, 30, 30])
    (rows, *_) = draw_labelled(labels, 20, 3, balance=True, seed=0)
    assert np.bincount(labels[rows]).tolist() == [2, 9, 9]


def test_unbalanced_draws_follow_the_frequencies():
    labels = np.repeat([0, 1], [900, 100])
    draws = draw_labelled(labels, 100, 20, balance=False, seed=0)
    assert np.mean([(labels[rows] == 1).mean() for rows in draws]) == pytest.approx(0.1, abs=0.03)


# Labels


def test_classes_are_matched_by_name():
    labels = match_labels(codes([0, 1, 2], ["cat", "dog", "eel"]), codes([0, 1, -1], ["eel", "cat"], "b"))
    assert [labels.class_names[label] for label in labels.test[:2]] == ["eel", "cat"]
    assert labels.test[2] == -1
    assert labels.unseen == ()


def test_a_class_of_the_test_only_is_counted_as_wrong_and_named():
    result = probed(train=lambda labels: np.where(labels == 3, -1, labels))
    assert all(row.mean == 0.75 for row in result.accuracies)
    assert any("class three: 10 test codes cannot be right" in note for note in result.notes)
    assert any("20 of the 80 training codes have no label" in note for note in result.notes)


def test_unlabelled_test_codes_are_not_counted():
    result = probed(test=lambda labels: np.where(np.arange(40) < 10, -1, labels))
    assert result.tested == 30
    assert all(row.mean == 1.0 for row in result.accuracies)
    assert any("10 of the 40 test codes" in note for note in result.notes)


def test_fewer_labels_than_classes_are_noted():
    assert any("2 labels for 4 classes" in note for note in probed(options=replace(QUICK, labels="2")).notes)


def test_one_label_is_enough_for_every_method():
    assert {len(row.draws) for row in probed(options=replace(QUICK, labels="1")).accuracies} == {5}


@pytest.mark.parametrize("labels", [None, [-1, -1, -1]])
def test_no_labels_at_all_are_an_error_that_says_where(labels):
    with pytest.raises(InputError, match="TEST"):
        match_labels(codes([0, 1, 0], ["cat", "dog"]), codes(labels, ["cat"], "b"))


# Options


def test_more_labels_than_there_are_are_refused_with_the_maximum():
    with pytest.raises(UsageError, match="only 80"):
        probed(options=replace(QUICK, labels="10,81"))


def test_more_neighbours_than_labels_are_refused_but_for_methods_without():
    with pytest.raises(UsageError, match="neighbours"):
        probed(options=replace(QUICK, neighbours=13))
    probed(options=replace(QUICK, neighbours=13, methods="linear"))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"labels": labels} for labels in ("", "0", "-5", "ten", "10,,20", "1e2", "²", "99999999999999999999")),
        *({"methods": methods} for methods in ("", "knn", "linear,knn-euclidian")),
        {"draws": 0},
        {"neighbours": 0},
        {"seed": -1},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        KNNProbeOptions(**wrong)


def test_an_unknown_method_is_told_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'knn-euclidean'"):
        KNNProbeOptions(methods="knn-euclidian")


def test_the_protocol_is_told_in_words_with_its_parameters():
    document = replace(QUICK, neighbours=3, balance=False).as_document()
    assert document["draws"] == 5
    assert document["spreading_alpha"] == 0.99
    assert "training codes only" in document["in_words"]
    assert "3 vote" in document["in_words"]
    assert "without regard to classes" in document["in_words"]


# Against scikit-learn, and plain numpy


@pytest.mark.parametrize("neighbours", [1, 2, 7])
@pytest.mark.parametrize("count", [9, COLUMNS - 1, 2 * COLUMNS + 3])
@pytest.mark.parametrize(("space", "metric"), [(euclidean, "euclidean"), (cosine, "cosine")])
def test_neighbours_are_exact(space, metric, count, neighbours):
    random = np.random.default_rng(0)
    train, test = (random.normal(5, 1, size=(n, 16)).astype(np.float32) for n in (count, 600))
    plain = pairwise_distances(test.astype(np.float64), train.astype(np.float64), metric=metric)
    found = nearest(*space(train, test), neighbours)
    distances = np.take_along_axis(plain, found, axis=1)
    np.testing.assert_allclose(distances, np.sort(plain, axis=1)[:, :neighbours], rtol=1e-5)


@pytest.mark.parametrize("neighbours", [1, 5])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_k_nn_equals_scikit_learns(metric, neighbours, digits):
    features, labels = digits
    options = KNNProbeOptions(labels="all", methods=f"knn-{metric}", neighbours=neighbours)
    theirs = KNeighborsClassifier(neighbours, metric=metric).fit(features.train, labels.train)
    expected = (theirs.predict(features.test) == labels.test).mean()
    assert probe({"codes": features}, labels, options).accuracies[0].mean == expected


def test_neighbours_of_equal_and_zero_vectors_are_some_of_them():
    points = np.zeros((20, 3), np.float32)
    for space in (euclidean, cosine):
        found = nearest(*space(points, points), 4)
        assert all(len(set(row)) == 4 for row in found.tolist())
    assert neighbour_graph(points, 4).diagonal().sum() == 0


@pytest.mark.parametrize("alpha", [0.8, 0.99])
def test_label_spreading_equals_scikit_learns(alpha, digits):
    features, labels = digits
    everything = np.concatenate([features.train, features.test])
    graph = neighbour_graph(everything, 7)
    draws = draw_labelled(labels.train, 30, 3, balance=True, seed=0)
    ours = spread(normalised(graph), labels.train, draws, 10, alpha)
    for found, rows in zip(ours, draws, strict=True):
        known = np.full(len(everything), -1)
        known[rows] = labels.train[rows]
        theirs = LabelSpreading(lambda x, y=None: graph.astype(float), alpha=alpha, max_iter=10_000, tol=1e-9)
        assert (theirs.fit(everything, known).transduction_ == found).mean() > 0.999


def test_label_spreading_learns_from_codes_without_labels():
    angle = np.linspace(0, np.pi, 60, dtype=np.float32)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moons = np.concatenate([upper, np.array([1, 0.45]) - upper]).astype(np.float32)  # each bends around the other
    labels = np.repeat([0, 1], 60)
    found = spread(normalised(neighbour_graph(moons, 4)), labels, [np.array([0, 119])], 2)
    assert (found[0] == labels).all()


@pytest.mark.parametrize("count", [12, 20, 100])  # the first two are fewer than half of the 64 dimensions
def test_the_linear_probe_equals_scikit_learns(count, digits):
    features, labels = digits
    scaling = Scaling.of(features.train)
    train, test = scaling(features.train[:count]), scaling(features.test)
    theirs = LogisticRegression(max_iter=10_000, tol=1e-8).fit(train.astype(np.float64), labels.train[:count])
    ours = classify_linearly(train, labels.train[:count], test)
    assert (ours == theirs.predict(test)).mean() >= 0.98  # scikit-learn's own tolerance is not zero


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", ["20", "all"])
def test_the_linear_probe_converges_without_a_warning(labels, digits):
    features, known = digits
    apart = replace(features, train=features.train * 1e4, test=features.test * 1e4)
    rows = [
        probe({"codes": both}, known, KNNProbeOptions(labels=labels, draws=2, methods="linear")).accuracies[0].draws
        for both in (features, apart)
    ]
    assert rows[0] == pytest.approx(rows[1], abs=0.02)  # standardised: the unit does not matter


def test_scaling_knows_training_features_only_and_bears_constant_ones():
    train = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    scaling = Scaling.of(train)
    assert scaling(train).mean() == 0
    assert (scaling(train) ** 2).mean() == pytest.approx(1)
    assert np.isfinite(Scaling.of(train[:1])(train)).all()


# Features


def test_the_pca_baseline_equals_scikit_learns():
    images, _ = load_digits(return_X_y=True)
    pictures = (images * 15).astype(np.uint8).reshape(-1, 1, 8, 8)
    pixels = pixel_features(pictures[:300], pictures[300:400])
    ours = pca_features(pixels, 10)
    theirs = PCA(10, svd_solver="full").fit(pictures[:300].reshape(300, -1) / 255)
    for found, some in ((ours.train, pictures[:300]), (ours.test, pictures[300:400])):
        expected = theirs.transform(some.reshape(len(some), -1) / 255)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-4)  # the sign of a component is free


def test_components_are_no_more_than_images_or_pixels():
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 2, 2), np.uint8)
    pixels = pixel_features(images[:3], images[3:])
    assert pca_features(pixels, 100).test.shape == (2, 3)


def test_pixels_are_0_to_1():
    features = pixel_features(np.full((2, 3, 4, 4), 255, np.uint8), np.zeros((1, 3, 4, 4), np.uint8))
    assert features.train.shape == (2, 48)
    assert features.train.max() == 1
    assert features.test.max() == 0


def test_codes_of_different_models_are_refused():
    with pytest.raises(InputError, match="different models"):
        code_features(codes([0], ["a"]), codes([0], ["a"], "b", model="other"))


def test_codes_of_the_same_images_are_refused():
    with pytest.raises(InputError, match="leak"):
        code_features(codes([0], ["a"]), codes([0], ["a"]))


def test_shared_codes_are_counted():
    train, test = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[1:] * [[1], [1], [2]]
    assert count_shared(Features(train, test.astype(np.float32))) == 2
