"""Predicted classes from class probabilities, and their accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate, proportion_interval
from aecli.storage.labels import UNLABELED


@dataclass(frozen=True)
class Classification:
    """The most probable class of each of N images."""

    labels: NDArray[np.int64]
    """(N,)"""
    probabilities: NDArray[np.float32]
    """(N,) probability of that class."""
    right: int
    """Number of images whose true class is predicted."""
    known: int
    """Number of images whose true class is known."""

    @property
    def accuracy(self) -> Estimate | None:
        """Fraction of the images with a known class that are classified correctly; None if no class is known."""
        return proportion_interval(self.right, self.known) if self.known else None


def most_probable(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Classification:
    """Return the most probable of K classes for each of N images.

    Args:
        probabilities: (N, K) class probabilities.
        truth: (N,) true classes, UNLABELED (-1) where unknown.
    """
    labels = probabilities.argmax(axis=1)
    known = truth != UNLABELED
    return Classification(labels, probabilities.max(axis=1), int((labels == truth).sum()), int(known.sum()))
