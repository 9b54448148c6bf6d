"""One minus the structural similarity of an image and its reconstruction.

Bergmann, Löwe, Fauser, Sattlegger and Steger, "Improving unsupervised defect segmentation by applying structural
similarity to autoencoders", 2019. It sees blurred edges and lost texture where the squared error is small.
"""

import numpy as np
from numpy.typing import NDArray

from aecli.detection.scores import Statistics
from aecli.inference.model import ModelOutput

UNIT = "1 - SSIM, 0 for equal images"
SUMMARY = "one minus the structural similarity of the picture and its reconstruction"


def measure(output: ModelOutput) -> NDArray[np.float32]:
    """Return (N, 1), the mean over all windows and channels."""
    from aecli.analyses.compression.image_quality import ssim

    similarity = ssim(output.images.astype(np.float32), output.reconstructions)
    return np.maximum(0, 1 - similarity)[:, None]


def fit(features: NDArray[np.float32], seed: int) -> Statistics:
    """Nothing is to be known of normal images."""
    return {}


def score(features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
    """Return the dissimilarity itself, (N,)."""
    return features[:, 0]
