"""Metrics of separation: equal to scikit-learn's, including ties, with plausible confidence intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics

from aecli.analyses.intervals import proportion_interval
from aecli.detection.separation import auroc, separation

Groups = tuple[NDArray[np.float32], NDArray[np.float32]]

random = np.random.default_rng(0)
GROUPS = {
    "apart": (random.normal(0, 1, 200), random.normal(2, 1, 150)),
    "alike": (random.normal(0, 1, 100), random.normal(0, 1, 300)),
    "inverted": (random.normal(2, 1, 80), random.normal(0, 1, 90)),
    "many ties": (random.integers(0, 5, 300), random.integers(1, 6, 120)),
    "all equal": (np.ones(30), np.ones(20)),
    "without overlap": (np.arange(40), np.arange(50, 90)),
    "one of each": (np.zeros(1), np.ones(1)),
}


@pytest.fixture(params=GROUPS)
def groups(request: pytest.FixtureRequest) -> Groups:
    """Return the scores of normal and of anomalous images."""
    normal, anomalous = GROUPS[request.param]
    return normal.astype(np.float32), anomalous.astype(np.float32)


def labels_and_scores(groups: Groups) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    normal, anomalous = groups
    return np.repeat([0, 1], [len(normal), len(anomalous)]), np.concatenate(groups)


def test_metrics_equal_those_of_scikit_learn(groups: Groups) -> None:
    labels, scores = labels_and_scores(groups)
    result = separation(*groups, seed=0)
    assert result.auroc.value == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert result.average_precision.value == pytest.approx(metrics.average_precision_score(labels, scores))
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert result.fpr_at_95_tpr.value == pytest.approx(fpr[tpr >= 0.95][0])
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    assert result.f1_max is not None
    assert result.f1_max.value == pytest.approx((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max())


def test_bootstrap_intervals_equal_those_from_scikit_learn(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws, with the metrics of each draw by scikit-learn."""
    monkeypatch.setattr("aecli.detection.separation.DRAWS", 50)
    normal, anomalous = groups
    draws = np.random.default_rng(3)
    areas: list[float] = []
    precisions: list[float] = []
    for _ in range(50):
        drawn = (
            normal[draws.integers(len(normal), size=len(normal))],
            anomalous[draws.integers(len(anomalous), size=len(anomalous))],
        )
        labels, scores = labels_and_scores(drawn)
        areas.append(metrics.roc_auc_score(labels, scores))
        precisions.append(metrics.average_precision_score(labels, scores))
    result = separation(normal, anomalous, seed=3)
    for estimate, values in ((result.auroc, areas), (result.average_precision, precisions)):
        if np.ptp(values) > 1e-9 or estimate.value < 1:
            assert (estimate.low, estimate.high) == pytest.approx(np.percentile(values, [2.5, 97.5]))


@pytest.mark.parametrize("count", [2, 5, 40])
def test_few_images_without_overlap_are_no_proof(count: int) -> None:
    """Each draw of the bootstrap has the same metrics; the interval is that of as many successes."""
    normal, anomalous = np.arange(count, dtype=np.float32), np.arange(100, 150, dtype=np.float32)
    result = separation(normal, anomalous, seed=0)
    low = proportion_interval(count, count).low
    for estimate in (result.auroc, result.average_precision, result.f1_max):
        assert estimate is not None
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((1, low, 1))
    assert (result.fpr_at_95_tpr.value, result.fpr_at_95_tpr.low) == (0, 0)
    assert result.fpr_at_95_tpr.high == pytest.approx(1 - low)


def test_auroc_equals_that_of_scikit_learn(groups: Groups) -> None:
    assert auroc(*groups) == pytest.approx(metrics.roc_auc_score(*labels_and_scores(groups)))


def test_intervals_contain_the_values_and_depend_on_the_seed_alone(groups: Groups) -> None:
    first, again = (separation(*groups, seed=4) for _ in range(2))
    assert first == again
    for estimate in (first.auroc, first.average_precision, first.fpr_at_95_tpr, first.f1_max):
        assert estimate is not None
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_the_interval_of_auroc_is_close_to_that_of_hanley_and_mcneil() -> None:
    """Their standard error, "The meaning and use of the area under a receiver operating characteristic", 1982."""
    normal, anomalous = (group.astype(np.float32) for group in GROUPS["apart"])
    estimate = separation(normal, anomalous, seed=0).auroc
    area, n, m = estimate.value, len(normal), len(anomalous)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (n * m))
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * error, rel=0.3)


@pytest.mark.parametrize(("count", "total"), [(81, 263), (15, 148), (0, 20), (1, 29), (20, 20), (1, 1), (1600, 1617)])
def test_proportion_intervals_equal_those_of_scipy(count: int, total: int) -> None:
    estimate = proportion_interval(count, total)
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((count / total, low, high), abs=1e-6)


@pytest.mark.parametrize(("count", "total", "interval"), [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605))])
def test_proportion_intervals_equal_published_ones(count: int, total: int, interval: tuple[float, float]) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    estimate = proportion_interval(count, total)
    assert (estimate.low, estimate.high) == pytest.approx(interval, abs=5e-5)
