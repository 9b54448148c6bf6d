"""Validation losses of predictions that need no training; a model that learned something has a smaller one."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aecli.inference.model import batch_size
from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.models.losses import distance
from aecli.recipes.sections import PenaltyRecipe
from aecli.runtime.sampling import evenly_spread
from aecli.training.batches import Batches
from aecli.training.module import TrainingModule
from aecli.training.request import TrainingRequest
from aecli.training.seeds import Stream, generator

SAMPLE = 1000
"""Training images that are averaged, and validation images that are compared with their mean, at most."""
NETWORK_VALUES, NETWORK_SAMPLE = 2**22, (50, 500)
"""Values of the validation images that go through an untrained network, and the least and the most number of these
images: they take a few seconds where an epoch takes minutes."""
INITIAL_SAMPLE = 5000
"""Validation images that go through a network from other weights, at most: one process measures, and others wait."""
MEDIAN_SAMPLE = 200
"""Training images of which the median is computed, at most: all of them are in memory at once."""
CHUNK = 64
"""Images at once, at most; fewer large ones."""


def reference_losses(module: TrainingModule, request: TrainingRequest, *, is_initial: bool) -> dict[str, float]:
    """Return validation losses by what they are of, in the units of the recipe's loss.

    - `mean_image`: the mean of the training images, pixel by pixel, as the reconstruction of every validation image;
      with the l1 loss `median_image`, which has a smaller loss. If the model reconstructs corrupted images, the mean is
      that of corrupted training images. A network that ignores its input can do no better. No penalty is included.
    - `class_frequencies`: of a classifier, the frequencies of the classes in training as the probabilities of every
      validation image.
    - `untrained_network`, or `initial_network` if it starts from other weights: the network before its first step;
      only if `is_initial`.

    Large sets are sampled, less for `initial_network`, which is compared with the losses of epochs. The random
    streams, and the model's weights and running statistics, stay as they are.
    """
    losses = {}
    with torch.no_grad():
        if is_initial:
            count = len(request.validation)
            if request.init_from:
                sample = min(count, INITIAL_SAMPLE)
                losses["initial_network"] = module.validation_loss(torch.from_numpy(evenly_spread(count, sample)))
            else:
                least, most = NETWORK_SAMPLE
                sample = min(max(NETWORK_VALUES // math.prod(module.model.image_shape), least), most)
                losses["untrained_network"] = module.validation_loss(torch.from_numpy(evenly_spread(count, sample)))
        if isinstance(module.model, Autoencoder):
            name = "median_image" if request.recipe.objective.loss == "l1" else "mean_image"
            losses[name] = _loss_of_constant_image(module, module.model)
        else:
            losses["class_frequencies"] = _loss_of_class_frequencies(request)
    return {name: round(loss, 6) for name, loss in losses.items() if math.isfinite(loss)}


def _loss_of_constant_image(module: TrainingModule, model: Autoencoder) -> float:
    is_median = module.recipe.objective.loss == "l1"
    targets = _targets(module, model, module.train_batches, Stream.CORRUPTION, MEDIAN_SAMPLE if is_median else SAMPLE)
    if is_median:
        constant = torch.cat(list(targets)).median(dim=0).values
    else:
        count, constant = 0, torch.zeros(model.image_shape, device=model.mean.device)
        for target in targets:
            count += len(target)
            constant += target.sum(dim=0)
        constant /= count
    count, loss = 0, 0.0
    for target in _targets(module, model, module.validation_batches, Stream.VALIDATION_CORRUPTION, SAMPLE):
        count += len(target)
        loss += len(target) * float(distance(constant.expand_as(target), target, module.recipe.objective))
    return loss / count * _mean_balance(module.recipe.penalty)


def _mean_balance(penalty: PenaltyRecipe) -> float:
    """Return the factor by which the loss of a codec exceeds its distortion, averaged over the rates."""
    balanced = [weight**-penalty.rate_balance for weight in penalty.rate_weights]
    return sum(balanced) / len(balanced) if balanced else 1.0


def _targets(
    module: TrainingModule, model: Autoencoder, batches: Batches, stream: Stream, most: int
) -> Iterator[Tensor]:
    """Yield what the model has to reconstruct, (N, C, H, W) in normalized units, for images spread over the set."""
    recipe, device = module.recipe, model.mean.device
    chance = generator(recipe.training.seed, stream, device=device)
    count = min(CHUNK, batch_size(model.image_shape))
    for indices in torch.split(torch.from_numpy(evenly_spread(batches.image_count, most)), count):
        images = batches.take(indices)
        assert isinstance(images, Tensor)
        clean = model.normalize(images)
        is_clean = recipe.corruption.target == "clean"
        yield clean if is_clean else corrupt(clean, recipe.corruption, model.black, chance)


def _loss_of_class_frequencies(request: TrainingRequest) -> float:
    """Return the cross-entropy, in nats; a class without a training image counts as having one."""
    counts = np.bincount(request.images.labels, minlength=len(request.images.images.class_names)).clip(1)
    return float(-np.log(counts / counts.sum())[request.validation.labels].mean())
