"""The figures on how far scores are apart, against scikit-learn's, ties included."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics

from aecli.analyses.intervals import proportion_interval
from aecli.detection.separation import auroc, roc_curve, separation

random = np.random.default_rng(0)
GROUPS = {
    "apart": (random.normal(0, 1, 200), random.normal(2, 1, 150)),
    "alike": (random.normal(0, 1, 100), random.normal(0, 1, 300)),
    "the wrong way round": (random.normal(2, 1, 80), random.normal(0, 1, 90)),
    "with many ties": (random.integers(0, 5, 300), random.integers(1, 6, 120)),
    "all equal": (np.ones(30), np.ones(20)),
    "without overlap": (np.arange(40), np.arange(50, 90)),
    "one of each": (np.zeros(1), np.ones(1)),
}


@pytest.fixture(params=GROUPS)
def groups(request: pytest.FixtureRequest) -> tuple[NDArray[Any], NDArray[Any]]:
    normal, anomalous = GROUPS[request.param]
    return normal.astype(np.float32), anomalous.astype(np.float32)


def joined(groups) -> tuple[NDArray[Any], NDArray[Any]]:
    normal, anomalous = groups
    return np.repeat([0, 1], [len(normal), len(anomalous)]), np.concatenate(groups)


def test_figures_are_those_of_scikit_learn(groups) -> None:
    truth, scores = joined(groups)
    found = separation(*groups, seed=0)
    assert found.auroc.value == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert found.average_precision.value == pytest.approx(metrics.average_precision_score(truth, scores))
    false, true, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    assert found.fpr_at_95_tpr.value == pytest.approx(false[true >= 0.95][0])


def test_the_area_alone_is_the_same(groups) -> None:
    assert auroc(*groups) == pytest.approx(metrics.roc_auc_score(*joined(groups)))


def test_the_curve_is_that_of_scikit_learn(groups) -> None:
    false, true = roc_curve(*groups)
    their_false, their_true, _ = metrics.roc_curve(*joined(groups), drop_intermediate=False)
    assert false == pytest.approx(their_false)
    assert true == pytest.approx(their_true)


def test_intervals_hold_the_figures_and_are_the_same_for_the_same_seed(groups) -> None:
    first, again = (separation(*groups, seed=4) for _ in range(2))
    assert first == again
    for estimate in (first.auroc, first.average_precision, first.fpr_at_95_tpr):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_the_interval_of_the_area_is_about_that_of_hanley_and_mcneil() -> None:
    """Their standard error, "The ref and use of the area under a receiver operating characteristic", 1982."""
    normal, anomalous = (group.astype(np.float32) for group in GROUPS["apart"])
    found = separation(normal, anomalous, seed=0).auroc
    area, n, m = found.value, len(normal), len(anomalous)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (n * m))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.3)


@pytest.mark.parametrize(("right", "total"), [(81, 263), (15, 148), (0, 20), (1, 29), (20, 20), (1, 1), (1600, 1617)])
def test_wilsons_interval_is_that_of_scipy(right, total) -> None:
    found = proportion_interval(right, total)
    low, high = binomtest(right, total).proportion_ci(method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((right / total, low, high), abs=1e-6)


def test_wilsons_interval_is_that_of_the_literature() -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    for (right, total), interval in {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}.items():
        found = proportion_interval(right, total)
        assert (found.low, found.high) == pytest.approx(interval, abs=5e-5)
