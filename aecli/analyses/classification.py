"""From the probabilities of classes to labels, and how often they are right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate, proportion_interval

UNLABELED = -1


@dataclass(frozen=True)
class Classification:
    """The most probable class of each of N images."""

    labels: NDArray[np.int64]
    """(N,)"""
    probabilities: NDArray[np.float32]
    """(N,), of that class."""
    right: int
    """Images whose true class it is."""
    known: int
    """Images whose true class is known."""

    @property
    def accuracy(self) -> Estimate | None:
        """The part of the images with a known class that is right; None where there are none."""
        return proportion_interval(self.right, self.known) if self.known else None


def most_probable(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Classification:
    """Return the most probable of K classes for each of N images.

    Args:
        probabilities: (N, K).
        truth: (N,) the true classes, UNLABELED (-1) where unknown.
    """
    labels = probabilities.argmax(axis=1)
    known = truth != UNLABELED
    return Classification(labels, probabilities.max(axis=1), int((labels == truth).sum()), int(known.sum()))
