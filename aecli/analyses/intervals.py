"""Estimates with 95% confidence intervals."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """An estimated value and its 95% confidence interval."""

    value: float
    low: float
    high: float


def proportion_interval(successes: int, total: int) -> Estimate:
    """Return `successes` / `total` with the Wilson score interval; `total` must be at least 1.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927. `scipy.stats` has it, too, but
    takes long to import.
    """
    from scipy.special import ndtri

    z, failures = float(ndtri(0.975)), total - successes
    center = (successes + z**2 / 2) / (total + z**2)
    margin = z / (total + z**2) * math.sqrt(successes * failures / total + z**2 / 4)
    low, high = center - margin if successes else 0.0, center + margin if failures else 1.0
    return Estimate(successes / total, low, high)
