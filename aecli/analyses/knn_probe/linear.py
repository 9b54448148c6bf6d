"""The linear probe: logistic regression on features that are centered and scaled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.knn_probe.options import REGULARIZATION_C

MAX_ITER = 10_000


@dataclass(frozen=True)
class Scaling:
    """Training features get mean zero in each dimension, and mean square 1 over all dimensions.

    One scale for all dimensions keeps their proportions: a scale for each would make the small ones of a PCA, mostly
    noise, as large as the others.
    """

    mean: NDArray[np.float32]
    """(D,)"""
    deviation: float

    @classmethod
    def of(cls, train: NDArray[np.float32]) -> "Scaling":
        mean = train.mean(axis=0, dtype=np.float64)
        deviation = float(np.sqrt(train.var(axis=0, dtype=np.float64).mean()))
        return cls(mean.astype(np.float32), deviation or 1.0)

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled: NDArray[np.float32] = (features - self.mean) / np.float32(self.deviation)
        return scaled


def classify_linearly(
    train: NDArray[np.float32], labels: NDArray[np.int64], test: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the (M,) classes of (M, D) test features by logistic regression on (N, D) labeled ones, both scaled.

    The solution is scikit-learn's. Where codes are fewer than dimensions it lies in the span of the codes (the
    penalty grows with all that does not), so that it is searched there.
    """
    from sklearn.linear_model import LogisticRegression

    if (labels == labels[0]).all():
        return np.full(len(test), labels[0])
    if 2 * len(train) < train.shape[1]:
        span, coordinates = np.linalg.qr(train.T)
        train, test = np.ascontiguousarray(coordinates.T), test @ span
    model = LogisticRegression(C=REGULARIZATION_C, max_iter=MAX_ITER).fit(train, labels)
    predicted: NDArray[np.int64] = model.predict(test)
    return predicted
