"""The features that a probe classifies: codes, and for comparison the pixels of the same images and their PCA."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes
from aecli.errors import InputError
from aecli.storage.fingerprints import short_fingerprint

MAX_PIXELS_FOR_COVARIANCE = 4096
"""PCA of more pixels uses the solver that scikit-learn chooses instead of the exact covariance."""


@dataclass(frozen=True)
class Features:
    """Feature vectors of training and test images."""

    train: NDArray[np.float32]
    """(N, D)"""
    test: NDArray[np.float32]
    """(M, D)"""

    @property
    def dimensions(self) -> int:
        return int(self.train.shape[1])


def code_features(train: Codes, test: Codes) -> Features:
    """Return codes as vectors.

    Raises:
        InputError: the codes come from different models, or from the same images.
    """
    if train.meta.model_fingerprint != test.meta.model_fingerprint or train.codes.shape[1:] != test.codes.shape[1:]:
        raise InputError(
            f"TRAIN and TEST are codes of different models ({short_fingerprint(train.meta.model_fingerprint)} "
            f"and {short_fingerprint(test.meta.model_fingerprint)})",
            hint="encode both with the same --model",
        )
    if train.meta.data_fingerprint == test.meta.data_fingerprint:
        raise InputError(
            f"TRAIN and TEST are codes of the same images ({train.meta.data}): labels would leak into the test",
            hint="encode two splits, such as mnist5k:train and mnist5k:test",
        )
    return Features(train.codes.reshape(len(train), -1), test.codes.reshape(len(test), -1))


def count_shared(features: Features) -> int:
    """Return how many test vectors are bitwise equal to a training vector."""
    train_vectors = {vector.tobytes() for vector in features.train}
    return sum(vector.tobytes() in train_vectors for vector in features.test)


def pixel_features(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> Features:
    """Return (N, C, H, W) uint8 images as vectors of values in 0..1."""
    flat = (images.reshape(len(images), -1).astype(np.float32) for images in (train, test))
    return Features(*(np.divide(images, 255, out=images) for images in flat))


def pca_features(pixels: Features, dimensions: int) -> Features:
    """Return the first `dimensions` principal components, fitted on the training vectors only.

    There are fewer if there are fewer training vectors or pixels.
    """
    from sklearn.decomposition import PCA

    dimensions = min(dimensions, *pixels.train.shape)
    solver = "covariance_eigh" if pixels.dimensions <= MAX_PIXELS_FOR_COVARIANCE else "auto"
    with np.errstate(invalid="ignore"):  # scikit-learn divides by the total variance, which may be 0
        pca = PCA(dimensions, svd_solver=solver, random_state=0).fit(pixels.train)
    return Features(*(pca.transform(vectors).astype(np.float32, copy=False) for vectors in (pixels.train, pixels.test)))
