"""Types and values that the tests of data share."""

from collections.abc import Callable
from pathlib import Path

from aecli.data import ImageSet

Draw = Callable[..., Path]
"""Writes an image file of noise: `draw(path, seed, size=(width, height), mode=...)`."""


def labels_of(images: ImageSet) -> list[int]:
    """The labels of a set that has some."""
    assert images.labels is not None
    labels: list[int] = images.labels.tolist()
    return labels
