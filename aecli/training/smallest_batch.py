"""Batches of one image, with which batch normalization cannot always perform a training step."""

import copy

import torch

from aecli.errors import RecipeError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.batches import Batches
from aecli.training.subsets import Subset


def make_train_batches(
    images: Subset, model: Autoencoder | Classifier, recipe: Recipe, process: Process = SINGLE_PROCESS
) -> Batches:
    """Return the training batches of a recipe, in which each process has enough images for a step of the model.

    Raises:
        RecipeError: the model cannot be trained on one image at a time, and there are no more in a batch.
    """
    size, seed, labeled = recipe.training.images_per_step, recipe.training.seed, recipe.task == "classifier"
    batches = Batches(images, size, seed, labeled=labeled, process=process)
    if batches.smallest_share > 1 or trains_on_one_image(model, freeze_encoder=recipe.training.freeze_encoder):
        return batches
    batches = Batches(images, size, seed, labeled=labeled, process=process, min_share=2)
    if batches.smallest_share < 2:
        _, height, width = model.image_shape
        raise RecipeError(
            f"architecture {model.architecture} cannot be trained on one image of {width}x{height} pixels at a time: "
            "batch normalization needs several values per channel",
            hint=_hint(len(images), size, process.world_size),
        )
    return batches


def trains_on_one_image(model: Autoencoder | Classifier, *, freeze_encoder: bool = False) -> bool:
    """Return whether a training step of the model works with one image. The model stays as it is.

    torch refuses batch normalization of a single value per channel, which is what one image has where its feature map
    has been reduced to one pixel.
    """
    trial = copy.deepcopy(model).train()
    if freeze_encoder:
        trial.encoder.eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            trial(torch.zeros(1, *model.image_shape))
        except ValueError:
            return False
    return True


def _hint(images: int, batch_size: int, world_size: int) -> str:
    """Return what to type so that each of the processes gets two images in each batch."""
    if images > world_size:
        return f"--batch-size {2 * world_size}"
    if images > 1:
        return "--devices 1" if batch_size > 1 else "--devices 1 --batch-size 2"
    return "give more training images, or choose an architecture without it: --set model.architecture=conv"
