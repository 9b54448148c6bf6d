"""Codes of real digits for the tests of all methods of embedding: their pixels, half of them held out."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes, CodesMeta


@cache
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the pixels of 600 digits, (600, 64) float32, and their labels."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels[:600].astype(np.float32), labels[:600]


def codes_of(part: slice, model: str = "sha256:model") -> Codes:
    """Return some of the digits as the codes of a model."""
    pixels, labels = digits()
    meta = CodesMeta(model, "digits:test", "sha256:data", class_names=[str(label) for label in range(10)])
    names = np.arange(len(pixels))[part].astype(np.str_)
    return Codes(pixels[part].reshape(-1, 1, 8, 8), names, None, meta, labels[part])
