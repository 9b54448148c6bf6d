"""The linear probe: logistic regression on centered and scaled features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.knn_probe.options import REGULARIZATION_C

MAX_ITER = 10_000


@dataclass(frozen=True)
class Scaling:
    """Centers each dimension and divides all of them by one number, so that training features have variance 1.

    One scale for all dimensions keeps their proportions. Standardizing each dimension would enlarge the small
    components of a PCA, which are mostly noise.
    """

    mean: NDArray[np.float32]
    """(D,)"""
    deviation: float
    """Root of the mean variance of all dimensions."""

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
    """Return the classes that scikit-learn's logistic regression predicts, (M,).

    With fewer codes than dimensions, the weights lie in the span of the codes, as any other component only increases
    the penalty. The regression is then solved in that span, which is faster.

    Args:
        train: (N, D) scaled features of the labeled codes.
        labels: (N,) their classes.
        test: (M, D) scaled features to classify.
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
