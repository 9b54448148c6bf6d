"""Bytes of compression methods at equal quality: curves through their settings, and the mean difference of two curves.

Bjontegaard, "Calculation of average PSNR differences between RD-curves", ITU-T VCEG-M33, 2001, with monotonic piecewise
cubic interpolation in place of one polynomial.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import expm1, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

MIN_GAIN = 1e-6
"""A setting with more bytes is only part of a curve if it is better by more than this."""
STEPS = 512
"""Qualities at which two curves are compared to find where they cross."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """The logarithm of bytes as a function of quality, through the settings of one method that are worth using.

    These are the settings that are better than all with fewer bytes. There are at least two.
    """

    quality: NDArray[np.float64]
    """(K,), increasing: PSNR in dB, or SSIM."""
    log_bytes: NDArray[np.float64]
    """(K,), increasing: natural logarithms of bytes per image."""

    @classmethod
    def through(cls, points: Iterable[tuple[float, float]]) -> "Curve | None":
        """Return the curve through points (bytes, quality); None if fewer than two are finite and worth using."""
        kept = worth_using(points)
        if len(kept) < 2:
            return None
        sizes, qualities = np.array(kept, np.float64).T
        return cls(qualities, np.log(sizes))

    @property
    def low(self) -> float:
        """The lowest quality."""
        return float(self.quality[0])

    @property
    def high(self) -> float:
        """The highest quality."""
        return float(self.quality[-1])

    def bytes_at(self, quality: float) -> float:
        """Return the bytes for a quality in `low`..`high`."""
        return float(np.exp(self._interpolation(quality)))

    def reaching(self, qualities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the bytes, (N,), with which each quality is reached or exceeded; infinite above `high`."""
        reached = np.exp(self._interpolation(qualities.clip(self.low, self.high)))
        return np.where(qualities > self.high, np.inf, reached)

    def mean_log_bytes(self, low: float, high: float) -> float:
        """Return the mean of the logarithm of bytes over the qualities from `low` to `high`."""
        return float(self._interpolation.integrate(low, high)) / (high - low)

    @cached_property
    def _interpolation(self) -> "PchipInterpolator[Any]":
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.quality, self.log_bytes)


def worth_using(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (bytes, quality) that are better than all with fewer bytes, by increasing bytes.

    Points without bytes and those whose quality is not finite are left out.
    """
    kept: list[tuple[float, float]] = []
    usable = ((size, quality) for size, quality in points if size > 0 and isfinite(quality))
    for size, quality in sorted(usable, key=lambda point: (point[0], -point[1])):
        if not kept or (size > kept[-1][0] and quality > kept[-1][1] + MIN_GAIN):
            kept.append((size, quality))
    return kept


@dataclass(frozen=True)
class BDRate:
    """The mean difference in bytes of a method to another one at equal quality."""

    percent: float
    """Negative if the method needs fewer bytes."""
    low: float
    """The lowest quality that both curves have."""
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return the values."""
        return {"percent": self.percent, "low": self.low, "high": self.high}


def common_range(curve: Curve | None, other: Curve | None) -> Interval | None:
    """Return the lowest and the highest quality that both curves have; None if there is none."""
    if curve is None or other is None:
        return None
    low, high = max(curve.low, other.low), min(curve.high, other.high)
    return (low, high) if low < high else None


def bd_rate(curve: Curve | None, anchor: Curve | None) -> BDRate | None:
    """Return the mean difference in log bytes of a curve to another one, over the qualities that both have.

    None if a curve is missing, or they have no quality in common.
    """
    shared = common_range(curve, anchor)
    if curve is None or anchor is None or shared is None:
        return None
    difference = curve.mean_log_bytes(*shared) - anchor.mean_log_bytes(*shared)
    return BDRate(100 * expm1(difference), *shared)


def fewer_bytes(curve: Curve, other: Curve) -> list[Interval]:
    """Return the ranges of quality, among those that both curves have, in which the first needs fewer bytes."""
    shared = common_range(curve, other)
    if shared is None:
        return []
    qualities = np.linspace(*shared, STEPS)
    is_smaller = curve.reaching(qualities) < other.reaching(qualities)
    return [
        (float(qualities[start]), float(qualities[stop])) for start, stop, wins in _runs(is_smaller.tolist()) if wins
    ]


@dataclass(frozen=True)
class Winner:
    """The method that needs the fewest bytes in a range of quality."""

    name: str
    low: float
    high: float
    is_lossless: bool = False


def winners(curves: Mapping[str, Curve], lossless: Mapping[str, float]) -> list[Winner]:
    """Return which method needs the fewest bytes to reach each quality, from the lowest to the highest quality.

    A method whose curve starts at a higher quality reaches a lower one with as many bytes as there.

    Args:
        curves: The curves of the lossy methods.
        lossless: The bytes per image of methods that reach any quality.
    """
    if not curves:
        return []
    low, high = min(curve.low for curve in curves.values()), max(curve.high for curve in curves.values())
    qualities = np.linspace(low, high, STEPS)
    sizes = {name: curve.reaching(qualities) for name, curve in curves.items()}
    sizes |= {name: np.full(STEPS, size) for name, size in lossless.items()}
    names, best = list(sizes), np.argmin(list(sizes.values()), axis=0)
    return [
        Winner(names[index], float(qualities[start]), float(qualities[stop]), names[index] in lossless)
        for start, stop, index in _runs(best.tolist())
    ]


def _runs(values: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (index of the first, index of the last, value) for each run of equal values."""
    starts = [index for index, value in enumerate(values) if index == 0 or value != values[index - 1]]
    return [(start, stop - 1, values[start]) for start, stop in zip(starts, [*starts[1:], len(values)], strict=True)]
