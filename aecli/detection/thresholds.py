"""Thresholds on a score: a conformal quantile of normal scores, or a logistic regression on both kinds."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate
from aecli.detection.detector import Logistic

MAX_SPREADS = 8
"""Distances from the median to the 5% or 95% quantile of normal scores; of a normal distribution, 13 sigma."""


def conformal_threshold(scores: NDArray[np.float32], quantile: float) -> tuple[float, bool]:
    """Return the threshold that a new normal image does not exceed with probability `quantile`.

    It is the k-th smallest of the N normal `scores` with k = ceil((N + 1) quantile): Vovk, Gammerman and Shafer,
    "Algorithmic learning in a random world", 2005. The second value is False if N is too small for the quantile; then
    the threshold is the largest score.
    """
    rank = ceil((len(scores) + 1) * quantile)
    return float(np.sort(scores)[min(rank, len(scores)) - 1]), rank <= len(scores)


def conformal_specificity(count: int, quantile: float) -> Estimate:
    """Return the fraction of new normal images at most at the `conformal_threshold` of `count` scores.

    Over draws of independent, continuous scores it has the distribution Beta(k, `count` + 1 - k): Vovk, "Conditional
    validity of inductive conformal predictors", 2012. The estimate is its mean and its central 95%.
    """
    return _specificity(count, quantile, 0.025, 0.975)


def jackknife_specificity(count: int, quantile: float) -> Estimate:
    """Return the same for scores of which each was computed with the statistics of the other images.

    They are larger than those of new images, as fewer images fit worse, and they depend on each other. So the interval
    reaches up to 1, and down to what 99% of independent scores reach: `tests/detection/test_few_images.py` simulates
    that this is at least 95% of these.
    """
    return _specificity(count, quantile, 0.01, 1.0)


def _specificity(count: int, quantile: float, low: float, high: float) -> Estimate:
    """Return the mean and two quantiles of the distribution."""
    from scipy.special import betaincinv  # `scipy.stats.beta.ppf`, without its long import

    rank = min(ceil((count + 1) * quantile), count)
    below, above = betaincinv(rank, count + 1 - rank, (low, high))
    return Estimate(rank / (count + 1), float(below), float(above))


def fit_logistic(normal: NDArray[np.float32], anomalous: NDArray[np.float32]) -> Logistic | None:
    """Fit a logistic regression on the scores, with both kinds of images weighted equally.

    Scores far from those of normal images count as if they were at a limit: a few huge ones would set the scale, and
    all others would look equal.

    Return None if the probability of an anomaly does not increase with the score.
    """
    from sklearn.linear_model import LogisticRegression

    scores = _limited(np.concatenate([normal, anomalous]).astype(np.float64), normal)
    center, scale = float(scores.mean()), float(scores.std()) or 1.0
    is_anomaly = np.repeat([0, 1], [len(normal), len(anomalous)])
    regression = LogisticRegression(class_weight="balanced").fit(((scores - center) / scale)[:, None], is_anomaly)
    slope = float(regression.coef_[0, 0]) / scale
    return Logistic(slope, float(regression.intercept_[0]) - slope * center) if slope > 0 else None


def _limited(scores: NDArray[np.float64], normal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the scores with limits around the median of normal scores, `MAX_SPREADS` times their spread away."""
    low, median, high = np.quantile(normal.astype(np.float64), [0.05, 0.5, 0.95])
    spread = max(high - median, median - low)
    return np.clip(scores, median - MAX_SPREADS * spread, median + MAX_SPREADS * spread) if spread > 0 else scores
