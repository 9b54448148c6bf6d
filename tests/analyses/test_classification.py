"""Predicted classes and their accuracy."""

import numpy as np

from aecli.analyses.classification import most_probable


def test_accuracy_counts_only_images_with_a_known_class() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]], np.float32)
    classification = most_probable(probabilities, np.array([1, 1, -1]))
    assert classification.labels.tolist() == [1, 0, 0]
    assert (classification.right, classification.known) == (1, 2)
    assert classification.accuracy is not None
    assert classification.accuracy.value == 0.5
    assert most_probable(probabilities, np.full(3, -1)).accuracy is None
