"""Thresholds between normal and anomalous scores."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.detection.thresholds import fit_logistic

Scores = NDArray[np.float32]

random = np.random.default_rng(0)
NORMAL = random.normal(10, 1, 50).astype(np.float32)
SMALL = random.normal(20, 1, 40).astype(np.float32)


def between(normal: Scores, anomalous: Scores) -> float:
    """Return the score at which an anomaly is as probable as a normal image."""
    logistic = fit_logistic(normal, anomalous)
    assert logistic is not None
    return -logistic.intercept / logistic.slope


@pytest.mark.parametrize("huge", [[], [1000.0] * 10, [1e6] * 40], ids=len)
def test_huge_anomalies_do_not_hide_small_ones(huge: list[float]) -> None:
    anomalous = np.append(SMALL, np.array(huge, np.float32))
    assert NORMAL.max() < between(NORMAL, anomalous) < SMALL.min()


@pytest.mark.parametrize("outlier", [1000.0, -1000.0])
def test_one_normal_image_far_from_the_others_does_not_turn_the_regression(outlier: float) -> None:
    normal = np.append(NORMAL[1:], np.float32(outlier))
    assert NORMAL.max() < between(normal, SMALL) < SMALL.min()


def test_scores_without_large_values_are_not_limited() -> None:
    """The regression is scikit-learn's on the standardized scores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = np.concatenate([NORMAL, NORMAL + 3])[:, None].astype(np.float64)
    regression = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    regression.fit(scores, np.repeat([0, 1], 50))
    at = between(NORMAL, NORMAL + 3)
    assert regression.predict_proba([[at]])[0, 1] == pytest.approx(0.5, abs=1e-6)


def test_anomalies_with_smaller_scores_have_no_threshold() -> None:
    assert fit_logistic(SMALL, NORMAL) is None
    assert fit_logistic(SMALL, np.zeros(5, np.float32)) is None
