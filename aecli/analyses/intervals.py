"""Figures with their 95 % confidence intervals."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959964
"""97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def proportion_interval(right: int, total: int) -> Estimate:
    """Return right / total with Wilson's interval: "Probable inference", 1927."""
    value = right / total
    center = (value + Z**2 / (2 * total)) / (1 + Z**2 / total)
    reach = Z / (1 + Z**2 / total) * sqrt(value * (1 - value) / total + Z**2 / (4 * total**2))
    return Estimate(value, min(value, max(0.0, center - reach)), max(value, min(1.0, center + reach)))
