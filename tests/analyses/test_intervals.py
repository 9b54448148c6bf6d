"""Intervals equal those of scipy.stats, which takes long to import."""

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from aecli.analyses.intervals import proportion_interval
from aecli.detection.thresholds import conformal_specificity, jackknife_specificity


@pytest.mark.parametrize(("successes", "total"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (999, 1000)])
def test_the_interval_of_a_proportion_is_that_of_wilson(successes: int, total: int) -> None:
    expected = binomtest(successes, total).proportion_ci(confidence_level=0.95, method="wilson")
    found = proportion_interval(successes, total)
    np.testing.assert_allclose((found.low, found.high), (expected.low, expected.high), atol=1e-12)
    assert found.value == successes / total


@pytest.mark.parametrize(("count", "rank"), [(10, 10), (100, 100), (1000, 991)])
def test_the_specificity_has_a_beta_distribution(count: int, rank: int) -> None:
    expected = beta(rank, count + 1 - rank)
    found, few = conformal_specificity(count, 0.99), jackknife_specificity(count, 0.99)
    values = (expected.mean(), expected.ppf(0.025), expected.ppf(0.975))
    np.testing.assert_allclose((found.value, found.low, found.high), values, rtol=1e-9)
    np.testing.assert_allclose((few.value, few.low, few.high), (expected.mean(), expected.ppf(0.01), 1), rtol=1e-9)
