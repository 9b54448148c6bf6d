"""How well scores tell anomalies from normal images, with 95 % confidence intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate

DRAWS = 1000
TPR = 0.95


@dataclass(frozen=True)
class Separation:
    """Figures that need no threshold; anomalies are the positive class. Intervals are percentiles of a bootstrap."""

    auroc: Estimate
    """Area under the ROC curve: how often an anomaly has a larger score than a normal image."""
    average_precision: Estimate
    """Area under the precision-recall curve, as a step function; depends on how many anomalies there are."""
    fpr_at_95_tpr: Estimate
    """Part of the normal images that are flagged where 95 % of the anomalies are."""


def separation(normal: NDArray[np.float32], anomalous: NDArray[np.float32], seed: int) -> Separation:
    """Return how far the scores of normal images, (N,), and of anomalies, (M,), are apart.

    The bootstrap draws 1,000 times with replacement from both: Efron and Tibshirani, "An introduction to the
    bootstrap", 1993. It knows only the images that were measured, not others.
    """
    levels, places = np.unique(np.concatenate([normal, anomalous]), return_inverse=True)
    places = len(levels) - 1 - places  # in falling order
    of_normal, of_anomalous = places[: len(normal)], places[len(normal) :]
    random = np.random.default_rng(seed)

    def count(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(rows, minlength=len(levels))

    found = _figures(count(of_normal), count(of_anomalous))
    drawn = np.array(
        [
            _figures(
                count(of_normal[random.integers(len(of_normal), size=len(of_normal))]),
                count(of_anomalous[random.integers(len(of_anomalous), size=len(of_anomalous))]),
            )
            for _ in range(DRAWS)
        ]
    )
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return Separation(*(Estimate(*map(float, figures)) for figures in zip(found, low, high, strict=True)))


def auroc(normal: NDArray[np.float32], anomalous: NDArray[np.float32]) -> float:
    """Return the area under the ROC curve of the scores of normal images, (N,), and of anomalies, (M,)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([normal, anomalous]))[len(normal) :]
    pairs = len(normal) * len(anomalous)
    return float((ranks.sum() - len(anomalous) * (len(anomalous) + 1) / 2) / pairs)


def roc_curve(
    normal: NDArray[np.float32], anomalous: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false and true positive rates, both (K,), from (0, 0) to (1, 1), a point for each different score."""
    levels = np.unique(np.concatenate([normal, anomalous]))[::-1]
    rates = [np.searchsorted(np.sort(-scores), -levels, side="right") / len(scores) for scores in (normal, anomalous)]
    false, true = (np.concatenate([[0.0], rate]) for rate in rates)
    return false, true


def _figures(normal: NDArray[np.int64], anomalous: NDArray[np.int64]) -> tuple[float, float, float]:
    """AUROC, average precision and FPR at 95 % TPR from the number of images of each kind at each level, falling."""
    false, true = np.cumsum(normal), np.cumsum(anomalous)
    fpr, tpr = false / false[-1], true / true[-1]
    area = np.trapezoid(tpr, fpr) + fpr[0] * tpr[0] / 2
    precision = true / np.maximum(false + true, 1)
    step = np.diff(tpr, prepend=0.0)
    return float(area), float(step @ precision), float(fpr[np.argmax(tpr >= TPR)])
