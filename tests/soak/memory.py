"""Decide whether a measurement grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Growth:
    """The medians of the second and of the last quarter of measurements, in the order of time.

    The first quarter does not count: a process needs some time until all its buffers have their size.
    """

    earlier: float
    later: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Growth":
        """Compare the quarters of at least four samples."""
        quarter = len(samples) // 4
        return cls(median(samples[quarter : 2 * quarter]), median(samples[-quarter:]))

    def exceeds(self, allowed: float) -> bool:
        """Return whether the later median is larger than the earlier one by more than is allowed."""
        return self.later - self.earlier > allowed
