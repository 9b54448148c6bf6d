"""Estimates with 95% confidence intervals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """An estimated value and its 95% confidence interval."""

    value: float
    low: float
    high: float


def proportion_interval(successes: int, total: int) -> Estimate:
    """Return `successes` / `total` with the Wilson score interval; `total` must be at least 1."""
    from scipy.stats import binomtest

    interval = binomtest(successes, total).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(successes / total, float(interval.low), float(interval.high))
