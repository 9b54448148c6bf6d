"""A quick look at the images of a DATA word: their sizes and colors, without decoding them."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from aecli.data.encoded import EncodedImage, UnreadableImageError
from aecli.data.image_files import native_shape
from aecli.data.loading import DEFAULTS, content_of
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.source import ImageArrays

SAMPLE = 16
"""Image files that are opened, spread evenly over all."""


@dataclass(frozen=True)
class Glimpse:
    """What is known about images before they are decoded."""

    shapes: tuple[tuple[int, int, int], ...]
    """(C, H, W) of some images; empty if none of them can be read."""

    @property
    def has_color(self) -> bool:
        """Whether an image has colors."""
        return any(channels == 3 for channels, _, _ in self.shapes)

    @property
    def side(self) -> float:
        """The median of the longer sides, in pixels; 0 if it is not known."""
        return median(max(shape[1:]) for shape in self.shapes) if self.shapes else 0

    @property
    def is_uniform(self) -> bool:
        """Whether all images have the same size."""
        return len({shape[1:] for shape in self.shapes}) == 1


def glimpse(ref: DataRef, options: DataOptions = DEFAULTS) -> Glimpse:
    """Look at the images that `load` reads for training.

    Raises:
        InputError: the data does not exist, is damaged, or has no such split or class.
        UnavailableError: the data set or a package is not installed.
    """
    content, _ = content_of(ref, options, training=True)
    count = len(content.names)
    if isinstance(content, ImageArrays):
        channels, height, width = content.images.shape[1:]
        return Glimpse(((channels, height, width),) if count else ())
    # Truncated, not rounded: the choice of the recipe would otherwise rest on other files than in earlier releases.
    sample = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).astype(np.int64)).tolist() if count else []
    shapes = (_shape(content.files[index]) for index in sample)
    return Glimpse(tuple(shape for shape in shapes if shape))


def _shape(file: EncodedImage) -> tuple[int, int, int] | None:
    try:
        return native_shape(file)
    except UnreadableImageError:
        return None  # reported when the images are decoded
