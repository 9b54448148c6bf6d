"""The terms of the training loss: the reconstruction loss, and the sparsity penalty on the code."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from aecli.recipes.sections import ObjectiveRecipe, PenaltyRecipe

DISTANCES: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}


def distance(reconstruction: Tensor, target: Tensor, recipe: ObjectiveRecipe) -> Tensor:
    """Return the reconstruction loss, a scalar: the mean over batch, channels and pixels, in normalized units."""
    return DISTANCES[recipe.loss](reconstruction.float(), target)


def distances(reconstruction: Tensor, target: Tensor, recipe: ObjectiveRecipe) -> Tensor:
    """Return the reconstruction loss of each image, (N,)."""
    return DISTANCES[recipe.loss](reconstruction.float(), target, reduction="none").flatten(1).mean(1)


def penalty(code: Tensor, recipe: PenaltyRecipe) -> Tensor | float:
    """Return beta * |code - s|, averaged or summed over the units of a code, and averaged over the batch."""
    if recipe.sparsity_weight == 0:
        return 0.0
    deviation = (code.float() - recipe.sparsity_target).abs().flatten(1)  # (N, units)
    reduced = deviation.mean() if recipe.reduction == "mean" else deviation.sum(dim=1).mean()
    return recipe.sparsity_weight * reduced
