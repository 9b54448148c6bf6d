"""The batch size and the number of epochs of a run, from the number of its images."""

import math
from dataclasses import replace

from aecli.recipes.schema import Recipe

STEPS_PER_EPOCH = 16
"""With fewer steps, the validation loss says little about the progress within a run."""
SMALLEST_BATCH, LARGEST_BATCH = 8, 128
"""Smaller batches are slow and noisy; larger ones need other learning rates."""


def with_explicit_length(recipe: Recipe, images: int) -> Recipe:
    """Return the recipe with a batch size and a number of epochs for so many training images.

    A batch size of `auto` is the power of two below a sixteenth of the images, from 8 to 128. A length in steps becomes
    the whole number of epochs that has at least as many.
    """
    training = recipe.training
    size = automatic_batch_size(images) if training.batch_size == "auto" else training.batch_size
    epochs = training.epochs
    if training.steps:
        epochs = math.ceil(training.steps / math.ceil(images / size))
    return replace(recipe, training=replace(training, batch_size=size, epochs=epochs, steps=0))


def automatic_batch_size(images: int) -> int:
    """Return the power of two below a sixteenth of the images, from 8 to 128, but at most all images."""
    power: int = 2 ** int(math.log2(max(images / STEPS_PER_EPOCH, 1)))
    return min(max(power, SMALLEST_BATCH), LARGEST_BATCH, max(images, 1))
