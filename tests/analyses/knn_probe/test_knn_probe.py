"""The probe by its meaning: it separates clusters, shuffled labels are at chance, and no test label leaks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from aecli.analyses.knn_probe.features import Features, code_features
from aecli.analyses.knn_probe.labeled_draws import ProbeLabels, draw_labeled, match_labels
from aecli.analyses.knn_probe.options import METHODS, KNNProbeOptions
from aecli.analyses.knn_probe.probe import Accuracy, ProbeResult, probe
from aecli.codes import Codes, CodesMeta
from aecli.errors import InputError, UsageError

CLASSES = ("zero", "one", "two", "three")
QUICK = KNNProbeOptions(labels="12", draws=5)


def clusters(count: int, distance: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return `count` vectors of 6 values around four centers, and their classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    return (np.eye(6)[labels] * distance + random.normal(size=(count, 6))).astype(np.float32), labels


def probed(distance: float = 20.0, options: KNNProbeOptions = QUICK, **changes: Callable[..., Any]) -> ProbeResult:
    """Probe clusters at a distance; `changes` are functions of the `train` or `test` labels."""
    (train, train_labels), (test, test_labels) = clusters(80, distance, 1), clusters(40, distance, 2)
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


# Accuracies


@pytest.mark.parametrize("method", METHODS)
def test_distant_clusters_are_classified_without_an_error(method: str) -> None:
    result = probed(options=replace(QUICK, methods=method))
    assert [row.mean for row in result.accuracies] == [1.0]


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_labels_are_at_chance(method: str) -> None:
    shuffled = np.random.default_rng(3).permutation
    result = probed(options=replace(QUICK, methods=method, draws=30), train=shuffled, test=shuffled)
    assert result.accuracies[0].mean == pytest.approx(0.25, abs=0.06)


def test_mean_deviation_and_interval_are_computed_from_the_draws() -> None:
    row = Accuracy(100, "codes", "linear", (0.4, 0.5, 0.6))
    assert row.mean == pytest.approx(0.5)
    assert row.standard_deviation == pytest.approx(0.1)
    half = 4.302653 * 0.1 / 3**0.5  # Student's t for two degrees of freedom, from a table
    assert row.interval == pytest.approx((0.5 - half, 0.5 + half))
    clipped = Accuracy(100, "codes", "linear", (0.7, 0.8, 0.9)).interval
    assert clipped is not None
    assert clipped[1] == 1.0
    assert Accuracy(4000, "codes", "linear", (0.9,)).interval is None


def test_all_labels_take_one_draw() -> None:
    result = probed(options=KNNProbeOptions(labels="8,all", draws=7))
    assert {(row.labels, len(row.draws)) for row in result.accuracies} == {(8, 7), (80, 1)}


def test_the_best_accuracy_is_the_highest_mean() -> None:
    rows = tuple(Accuracy(count, "codes", name, (mean,)) for count, name, mean in [(1, "a", 0.1), (1, "b", 0.2)])
    assert ProbeResult(rows, 1, 1, ()).best(1).method == "b"


def test_the_seed_determines_the_accuracies() -> None:
    first, again, other = (probed(1.5, replace(QUICK, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first.accuracies != other.accuracies


def test_further_numbers_of_labels_do_not_change_the_others() -> None:
    alone, among = (probed(1.5, replace(QUICK, labels=labels)) for labels in ("12", "8,12,all"))
    assert [row for row in among.accuracies if row.labels == 12] == list(alone.accuracies)


@pytest.mark.parametrize(
    "change", [{"labels": "40"}, {"neighbors": 3}, {"balance": False}, {"draws": 6}, {"methods": "linear"}]
)
def test_every_option_matters(change: dict[str, Any]) -> None:
    assert probed(1.5, replace(QUICK, **change)).accuracies != probed(1.5).accuracies


def test_all_features_get_the_same_draws() -> None:
    (train, labels), (test, _) = clusters(80, 1.5, 1), clusters(40, 1.5, 2)
    both = {"codes": Features(train, test), "copy": Features(train, test)}
    rows = probe(both, ProbeLabels(labels, labels[:40], CLASSES), QUICK).accuracies
    accuracies = {(row.features, row.method): row.draws for row in rows}
    for method in METHODS:
        assert accuracies["codes", method] == accuracies["copy", method]


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_test_codes_are_never_used(method: str, digits: tuple[Features, ProbeLabels]) -> None:
    features, labels = digits
    options = KNNProbeOptions(labels="30", draws=2, methods=method)
    seen = []
    for test in (labels.test, np.roll(labels.test, 7)):
        row = probe({"codes": features}, replace(labels, test=test), options).accuracies[0]
        seen.append(row.mean)
    assert seen[1] < 0.3 < 0.6 < seen[0]


# Draws


@pytest.mark.parametrize("count", [4, 12, 40])
def test_balanced_draws_are_balanced_and_skip_unlabeled_codes(count: int) -> None:
    labels = np.repeat([0, 1, 2, 3, -1], [30, 25, 20, 15, 10])
    for rows in draw_labeled(labels, count, 20, balance=True, seed=0):
        assert len(set(rows.tolist())) == count
        assert np.bincount(labels[rows]).tolist() == [count // 4] * 4


def test_the_remainder_goes_to_random_classes() -> None:
    labels = np.arange(40) % 4
    extra = [np.bincount(labels[rows]) - 1 for rows in draw_labeled(labels, 6, 200, balance=True, seed=0)]
    assert all(sorted(one.tolist()) == [0, 0, 1, 1] for one in extra)
    assert np.mean(extra, axis=0) == pytest.approx([0.5] * 4, abs=0.12)


def test_fewer_labels_than_classes_go_to_random_classes() -> None:
    draws = draw_labeled(np.arange(40) % 4, 2, 50, balance=True, seed=0)
    assert {len(set((rows % 4).tolist())) for rows in draws} == {2}
    assert len({tuple(sorted(rows % 4)) for rows in draws}) > 3


def test_what_a_small_class_lacks_is_drawn_from_the_others() -> None:
    labels = np.repeat([0, 1, 2], [2, 30, 30])
    (rows, *_) = draw_labeled(labels, 20, 3, balance=True, seed=0)
    assert np.bincount(labels[rows]).tolist() == [2, 9, 9]


def test_unbalanced_draws_follow_the_class_frequencies() -> None:
    labels = np.repeat([0, 1], [900, 100])
    draws = draw_labeled(labels, 100, 20, balance=False, seed=0)
    assert np.mean([(labels[rows] == 1).mean() for rows in draws]) == pytest.approx(0.1, abs=0.03)


# Labels


def test_classes_are_matched_by_name() -> None:
    labels = match_labels(codes([0, 1, 2], ["cat", "dog", "eel"]), codes([0, 1, -1], ["eel", "cat"], "b"))
    assert [labels.class_names[label] for label in labels.test[:2]] == ["eel", "cat"]
    assert labels.test[2] == -1
    assert labels.unseen == ()


def test_a_class_without_training_codes_counts_as_wrong_and_is_named() -> None:
    result = probed(train=lambda labels: np.where(labels == 3, -1, labels))
    assert all(row.mean == 0.75 for row in result.accuracies)
    assert any("class three: 10 test codes" in note for note in result.notes)
    assert any("20 of the 80 training codes" in note for note in result.notes)


def test_unlabeled_test_codes_are_not_counted() -> None:
    result = probed(test=lambda labels: np.where(np.arange(40) < 10, -1, labels))
    assert result.tested == 30
    assert all(row.mean == 1.0 for row in result.accuracies)
    assert any("10 of the 40 test codes" in note for note in result.notes)


def test_fewer_labels_than_classes_are_noted() -> None:
    assert any("2 labels" in note and "4 classes" in note for note in probed(options=replace(QUICK, labels="2")).notes)


def test_one_label_is_enough_for_every_method() -> None:
    assert {len(row.draws) for row in probed(options=replace(QUICK, labels="1")).accuracies} == {5}


@pytest.mark.parametrize("labels", [None, [-1, -1, -1]])
def test_codes_without_any_label_are_an_error_that_names_the_file(labels: list[int] | None) -> None:
    with pytest.raises(InputError, match="TEST"):
        match_labels(codes([0, 1, 0], ["cat", "dog"]), codes(labels, ["cat"], "b"))


# Options


def test_more_labels_than_available_are_refused_with_the_maximum() -> None:
    with pytest.raises(UsageError, match="80"):
        probed(options=replace(QUICK, labels="10,81"))


def test_more_neighbors_than_labels_are_refused_if_a_method_uses_neighbors() -> None:
    with pytest.raises(UsageError, match="neighbors"):
        probed(options=replace(QUICK, neighbors=13))
    probed(options=replace(QUICK, neighbors=13, methods="linear"))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"labels": labels} for labels in ("", "0", "-5", "ten", "10,,20", "1e2", "²", "99999999999999999999")),
        *({"methods": methods} for methods in ("", "knn", "linear,knn-euclidian")),
        {"draws": 0},
        {"neighbors": 0},
        {"seed": -1},
    ],
)
def test_invalid_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        KNNProbeOptions(**wrong)


def test_the_error_of_an_unknown_method_names_a_similar_one() -> None:
    with pytest.raises(UsageError, match="'knn-euclidean'"):
        KNNProbeOptions(methods="knn-euclidian")


def test_the_protocol_in_words_has_its_parameters() -> None:
    document = replace(QUICK, neighbors=3, balance=False).to_dict()
    assert document["draws"] == 5
    assert document["spreading_alpha"] == 0.99
    assert "training codes only" in document["in_words"]
    assert "3 neighbors vote" in document["in_words"]
    assert "regardless of class" in document["in_words"]


# Codes that do not match


def test_codes_of_different_models_are_refused() -> None:
    with pytest.raises(InputError, match="different models"):
        code_features(codes([0], ["a"]), codes([0], ["a"], "b", model="other"))


def test_codes_of_the_same_images_are_refused() -> None:
    with pytest.raises(InputError, match="leak"):
        code_features(codes([0], ["a"]), codes([0], ["a"]))
