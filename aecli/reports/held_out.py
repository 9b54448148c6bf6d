"""The images that a run was not trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_set import ImageSet
from aecli.inference.training_overlap import TrainedModel


@dataclass(frozen=True)
class DividedImages:
    """The indices of the images that a model was trained on, and of the others."""

    trained: NDArray[np.int64]
    others: NDArray[np.int64]


def divided(model: TrainedModel, images: ImageSet) -> DividedImages | None:
    """Divide the images of a set by whether the model was trained on them; None for a model of version 0.1."""
    if model.trained_images is None:
        return None
    is_trained = model.trained_images.contains(images.images)
    return DividedImages(np.flatnonzero(is_trained), np.flatnonzero(~is_trained))


def validation_images(model: TrainedModel, images: ImageSet) -> ImageSet:
    """Return the images that the model was not trained on if its validation images were held out from the training set.

    All images are returned if none is left, or if the model does not remember its training images.

    Args:
        model: The model.
        images: The images of the DATA word of the validation images.
    """
    if model.header.validation.word != model.header.data.word:
        return images
    parts = divided(model, images)
    if parts is None or not 0 < len(parts.others) < len(images):
        return images
    return images.take(parts.others)
