"""Types, values and image files that the tests of data share."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.data import ImageSet, load

Draw = Callable[..., Path]
"""Writes an image file of noise: `draw(path, seed, size=(width, height), mode=...)`."""


def labels_of(images: ImageSet) -> list[int]:
    """The labels of a set that has some."""
    assert images.labels is not None
    labels: list[int] = images.labels.tolist()
    return labels


def png(value: int) -> bytes:
    """Return an image file of one gray level."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def values(data: str) -> list[int]:
    """Return the gray level of each image of a DATA word."""
    pixels: NDArray[np.uint8] = load(data).images[:, 0, 0, 0]
    return [int(value) for value in pixels]
