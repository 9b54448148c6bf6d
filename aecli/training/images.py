"""The images that a run trains on and those that it is judged by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data import DataOptions, ImageSet, hold_out, load
from aecli.progress import Progress, silent
from aecli.recipe import Recipe


@dataclass(frozen=True)
class Portion:
    """Some images of a set; nothing is copied."""

    images: ImageSet
    rows: NDArray[np.int64]
    """(M,) places in the set."""

    def __len__(self) -> int:
        return len(self.rows)


def load_portions(
    word: str,
    validation_word: str | None,
    recipe: Recipe,
    options: DataOptions,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> tuple[Portion, Portion]:
    """Read the images to train on, and those to validate on: named ones, else some held out by the recipe's seed.

    Raises:
        InputError: no such images, damaged ones, or too few.
        UnavailableError: a data set, package or disk space is not here.
    """
    images = load(
        word,
        options,
        image_shape=recipe.model.image_shape,
        training=True,
        skip_damaged=skip_damaged,
        progress=progress,
    )
    if validation_word is None:
        known = len(images) if images.labels is None else images.labels
        rest, held = hold_out(known, recipe.training.validation_fraction, recipe.training.seed)
        return Portion(images, rest), Portion(images, held)
    validation = load(
        validation_word, options, image_shape=images.image_shape, skip_damaged=skip_damaged, progress=progress
    )
    return whole(images), whole(validation)


def whole(images: ImageSet) -> Portion:
    """Return all images of a set."""
    return Portion(images, np.arange(len(images)))
