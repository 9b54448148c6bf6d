"""Each method of the probe, compared with that of scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading

from aecli.analyses.knn_probe.features import Features, count_shared, pca_features, pixel_features
from aecli.analyses.knn_probe.label_spreading import neighbor_graph, normalized, spread
from aecli.analyses.knn_probe.labeled_draws import ProbeLabels, draw_labeled
from aecli.analyses.knn_probe.linear import Scaling, classify_linearly
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import probe


@pytest.fixture(scope="module")
def digits() -> tuple[Features, ProbeLabels]:
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    names = tuple("0123456789")
    return Features(images[:400], images[400:600]), ProbeLabels(labels[:400], labels[400:600], names)


# Methods


@pytest.mark.parametrize("neighbors", [1, 5])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_k_nn_equals_that_of_scikit_learn(metric: str, neighbors: int, digits: tuple[Features, ProbeLabels]) -> None:
    features, labels = digits
    options = KNNProbeOptions(labels="all", methods=f"knn-{metric}", neighbors=neighbors)
    theirs = KNeighborsClassifier(neighbors, metric=metric).fit(features.train, labels.train)
    expected = (theirs.predict(features.test) == labels.test).mean()
    assert probe({"codes": features}, labels, options).accuracies[0].mean == expected


def test_the_neighbor_graph_has_no_loops_even_with_equal_vectors() -> None:
    assert neighbor_graph(np.zeros((20, 3), np.float32), 4).diagonal().sum() == 0


@pytest.mark.parametrize("alpha", [0.8, 0.99])
def test_label_spreading_equals_that_of_scikit_learn(alpha: float, digits: tuple[Features, ProbeLabels]) -> None:
    features, labels = digits
    all_features = np.concatenate([features.train, features.test])
    graph = neighbor_graph(all_features, 7)
    draws = draw_labeled(labels.train, 30, 3, balance=True, seed=0)
    ours = spread(normalized(graph), labels.train, draws, 10, alpha)
    for found, rows in zip(ours, draws, strict=True):
        known = np.full(len(all_features), -1)
        known[rows] = labels.train[rows]
        theirs = LabelSpreading(lambda x, y=None: graph.astype(float), alpha=alpha, max_iter=10_000, tol=1e-9)
        assert (theirs.fit(all_features, known).transduction_ == found).mean() > 0.999


def test_label_spreading_uses_codes_without_labels() -> None:
    angle = np.linspace(0, np.pi, 60, dtype=np.float32)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moons = np.concatenate([upper, np.array([1, 0.45]) - upper]).astype(np.float32)  # interleaved
    labels = np.repeat([0, 1], 60)
    found = spread(normalized(neighbor_graph(moons, 4)), labels, [np.array([0, 119])], 2)
    assert (found[0] == labels).all()


@pytest.mark.parametrize("count", [12, 20, 100])  # the first two are fewer than half of the 64 dimensions
def test_the_linear_probe_equals_logistic_regression(count: int, digits: tuple[Features, ProbeLabels]) -> None:
    features, labels = digits
    scaling = Scaling.of(features.train)
    train, test = scaling(features.train[:count]), scaling(features.test)
    theirs = LogisticRegression(max_iter=10_000, tol=1e-8).fit(train.astype(np.float64), labels.train[:count])
    ours = classify_linearly(train, labels.train[:count], test)
    assert (ours == theirs.predict(test)).mean() >= 0.98  # scikit-learn's own tolerance is not zero


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", ["20", "all"])
def test_the_linear_probe_converges_without_a_warning_at_any_scale(
    labels: str, digits: tuple[Features, ProbeLabels]
) -> None:
    features, known = digits
    scaled = replace(features, train=features.train * 1e4, test=features.test * 1e4)
    rows = [
        probe({"codes": both}, known, KNNProbeOptions(labels=labels, draws=2, methods="linear")).accuracies[0].draws
        for both in (features, scaled)
    ]
    assert rows[0] == pytest.approx(rows[1], abs=0.02)


def test_scaling_is_fitted_on_training_features_and_accepts_constant_ones() -> None:
    train = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    scaling = Scaling.of(train)
    assert scaling(train).mean() == 0
    assert (scaling(train) ** 2).mean() == pytest.approx(1)
    assert np.isfinite(Scaling.of(train[:1])(train)).all()


# Features


def test_the_pca_baseline_equals_that_of_scikit_learn() -> None:
    images, _ = load_digits(return_X_y=True)
    pixel_images = (images * 15).astype(np.uint8).reshape(-1, 1, 8, 8)
    pixels = pixel_features(pixel_images[:300], pixel_images[300:400])
    ours = pca_features(pixels, 10)
    theirs = PCA(10, svd_solver="full").fit(pixel_images[:300].reshape(300, -1) / 255)
    for found, subset in ((ours.train, pixel_images[:300]), (ours.test, pixel_images[300:400])):
        expected = theirs.transform(subset.reshape(len(subset), -1) / 255)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-4)  # the sign of a component is arbitrary


def test_there_are_no_more_components_than_images_or_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 2, 2), np.uint8)
    pixels = pixel_features(images[:3], images[3:])
    assert pca_features(pixels, 100).test.shape == (2, 3)


def test_pixel_features_are_in_0_to_1() -> None:
    features = pixel_features(np.full((2, 3, 4, 4), 255, np.uint8), np.zeros((1, 3, 4, 4), np.uint8))
    assert features.train.shape == (2, 48)
    assert features.train.max() == 1
    assert features.test.max() == 0


def test_equal_training_and_test_vectors_are_counted() -> None:
    train, test = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[1:] * [[1], [1], [2]]
    assert count_shared(Features(train, test.astype(np.float32))) == 2


def test_the_progress_is_one_stage_over_all_features_and_methods(digits: tuple[Features, ProbeLabels]) -> None:
    features, labels = digits
    calls: list[tuple[str, int, int]] = []
    options = KNNProbeOptions(labels="20,all", methods="knn-euclidean,label-spreading", draws=2)
    probe({"codes": features, "pixels": features}, labels, options, lambda *call: calls.append(call))
    assert calls == [("probing draws", done, 12) for done in range(1, 13)]
