"""The images of some of the codes in a file, to be drawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes
from aecli.data import DataOptions, load
from aecli.errors import AecliError
from aecli.inference.matching import conversion_of_codes, matching_images
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class CodeImages:
    """Images by the index of their code."""

    pixels: Mapping[int, NDArray[np.uint8]]
    """(C, H, W) as the model takes them."""
    missing: str | None = None
    """Why there are none, if there are none."""


def code_images(
    codes: Codes, indices: Iterable[int], word: str | None, options: DataOptions, progress: Progress = silent
) -> CodeImages:
    """Read the images of the codes at some indices.

    Args:
        codes: The codes.
        indices: The codes whose images are needed.
        word: The DATA word of their images; None for the one that the codes name, whose images may not be found.
        options: How images are read.
        progress: Called while images are read.

    Raises:
        InputError: the images of `word` do not exist, or are not those of the codes.
        UnavailableError: the data set or a package is not available.
    """
    try:
        images = load(
            word or codes.meta.data, options, conversion_of_codes(codes.meta), skip_damaged=True, progress=progress
        )
        image_of = matching_images(codes, images)
    except AecliError as error:
        if word is not None:
            raise
        return CodeImages({}, error.message)
    return CodeImages({index: images.images[image_of[index]].copy() for index in set(indices)})
