"""Codes of the test digits without a model: their pixels."""

import numpy as np

from aecli.codes import Codes, CodesMeta
from aecli.data import load


def digit_codes() -> Codes:
    """Return 359 codes of 64 values, with names, labels and residuals."""
    images = load("digits:test")
    pixels = images.images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    meta = CodesMeta("sha256:pixels", images.word, images.fingerprint, (1, 8, 8), class_names=list(images.class_names))
    return Codes(pixels, images.names, np.linalg.norm(pixels, axis=1).astype(np.float32), meta, images.labels)
