"""Choose the relative distance below which codes are near-duplicates, by the distances of nearest neighbors.

The logarithm of the relative distance of ordinary nearest neighbors has an exponential lower tail: if codes are spread
evenly in m dimensions around a code, the number of pairs below a distance grows by its power m (Facco et al.,
"Estimating the intrinsic dimension of datasets by a minimal neighborhood information", 2017, for two neighbors). In
such a tail, i times the gap between the i-th and the next smallest value is exponentially distributed with mean 1 / m
(Renyi, "On the theory of order statistics", 1953). Copies are nearer by far than the tail allows, so that a gap remains
between them and ordinary pairs: the one that is the least probable in the tail, if it is improbable at all.

If most codes are copies, the nearest neighbors have no such tail. The distances to all neighbors do, up to the last,
by which they are divided: their number grows by the power m, too, so that the same gap is searched in these first.

Otherwise, there are no copies, or the code separates them too poorly from other images to leave a gap. The threshold is
then the distance below which the tail holds one ordinary pair, on average.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MIN_PAIRS = 20
"""The fewest pairs that have a distribution."""
SIGNIFICANCE = 0.01
"""Probability that ordinary pairs have such a gap anywhere."""
MIN_RELATIVE = 1e-6
"""Smaller relative distances are rounding."""
MIN_GROWTH = 1.5
"""The factor by which the number of pairs would grow in a gap above the neighbors of most codes, at least."""
MAX_MEDIAN = 0.5
"""The largest part of such a gap's distance that most nearest neighbors have; those on a grid have more."""


@dataclass(frozen=True)
class Threshold:
    """The largest relative distance of near-duplicates."""

    value: float
    rule: Literal["given", "gap", "tail", "none"]
    """`given` by the user; a significant `gap`; the end of the `tail` of ordinary pairs; `none` if there are too few
    pairs to tell, so that only equal codes are duplicates."""

    @property
    def reason(self) -> str:
        """Where the threshold comes from, in words."""
        return {
            "given": "as requested",
            "gap": "the gap between near-duplicates and ordinary neighbors",
            "tail": "below which less than one pair of different images is expected; there is no clear gap",
            "none": f"fewer than {MIN_PAIRS} pairs of neighbors are too few to choose a threshold",
        }[self.rule]


def gap_above_most(relative: NDArray[np.float64]) -> Threshold | None:
    """Return the gap above the nearest neighbors of at least half of the codes; None if there is none.

    It is found if at most about six of the ten neighbors of a code are copies.

    Args:
        relative: (U, K) relative distances of each code to its neighbors, the nearest first.
    """
    if len(relative) < 2 * MIN_PAIRS:
        return None
    logs = np.sort(np.log(np.maximum(relative[:, :-1], MIN_RELATIVE)), axis=None)
    start, stop = 3 * len(logs) // 4, 7 * len(logs) // 8
    spread = float(logs[stop] - logs[start])
    if spread <= 0:
        return None
    median = max(float(np.median(relative[:, 0])), MIN_RELATIVE)
    growth = np.diff(logs[:start]) * log(stop / start) / spread
    pairs = np.arange(1, start) / 2  # both codes of a pair are neighbors of each other
    middles = (logs[: start - 1] + logs[1:start]) / 2
    surprise = np.where(middles > log(median / MAX_MEDIAN), pairs * growth, 0)
    best = int(surprise.argmax())
    if surprise[best] <= log(len(logs) / 2 / SIGNIFICANCE) or growth[best] < log(MIN_GROWTH):
        return None
    return Threshold(exp(middles[best]), "gap")


def choose_threshold(relative: NDArray[np.float64]) -> Threshold:
    """Return the threshold for the relative distances of (P,) pairs of nearest neighbors, in any order."""
    count = len(relative)
    if count < MIN_PAIRS:
        return Threshold(0.0, "none")
    logs = np.sort(np.log(np.maximum(relative, MIN_RELATIVE)))
    quarter, half = count // 4, count // 2
    spread = float(logs[half] - logs[quarter])
    if spread <= 0:  # most pairs are at the same distance
        return Threshold(0.0, "none")
    exponent = log(half / quarter) / spread
    order = np.arange(1, half)
    surprise = order * np.diff(logs[:half]) * exponent
    best = int(surprise.argmax())
    if surprise[best] > log(half / SIGNIFICANCE):
        return Threshold(exp((logs[best] + logs[best + 1]) / 2), "gap")
    return Threshold(exp(logs[half] - log(half) / exponent), "tail")
