"""One minus the structural similarity (SSIM) of an image and its reconstruction.

Bergmann, Löwe, Fauser, Sattlegger and Steger, "Improving unsupervised defect segmentation by applying structural
similarity to autoencoders", 2019. It detects blurred edges and lost texture even if the squared error is small.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.detection.scores import Statistics, is_autoencoder
from aecli.inference.model import ModelOutput

UNIT = "1 - SSIM, 0 for equal images"
SUMMARY = "1 - SSIM of the image and its reconstruction"


def applies_to(header: CheckpointHeader) -> bool:
    """Return whether the model is an autoencoder."""
    return is_autoencoder(header)


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return 1 - SSIM, the mean over all windows and channels, (N, 1)."""
    from aecli.analyses.compression.image_quality import ssim

    similarity = ssim(output.images.astype(np.float32), output.reconstructions)
    return np.maximum(0, 1 - similarity)[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Return no statistics: the score does not depend on normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the dissimilarities, (N,)."""
    return features[:, 0]
