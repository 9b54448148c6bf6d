"""Estimates with 95% confidence intervals."""

import math
from dataclasses import dataclass

ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """An estimated value and its 95% confidence interval."""

    value: float
    low: float
    high: float


def with_certain_end(estimate: Estimate, pairs: int) -> Estimate:
    """Return the estimate; if it is 0 or 1 and its bootstrap interval has no width, with that of a proportion.

    Each draw from two samples that do not overlap has the same metric, however few they are. Their `pairs`, one from
    each sample and each in one pair only, are independent: all of so many were ordered alike.
    """
    end = round(estimate.value)
    if max(abs(estimate.value - end), estimate.high - estimate.low) > ROUNDING:
        return estimate
    return proportion_interval(end * pairs, pairs)


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
