"""Whether a training can learn, from its size, and whether it did, from its losses: sentences with a remedy."""

import math
from collections.abc import Sequence

from aecli.checkpoint.run_folder import EpochMetrics, is_finished
from aecli.recipes.schema import Recipe
from aecli.runtime.counting import counted

FEW_STEPS = 100
"""With fewer optimizer steps in a whole run, hardly any model learns."""
ENOUGH_STEPS = 300
"""The number of steps to suggest then: the `conv` recipe needs as many on `digits`."""
FEW_STEPS_PER_EPOCH = 10
FEW_IMAGES = 50
FEW_VALIDATION_IMAGES = 20
"""A threshold that is the largest of 20 scores flags 5% of normal images on average, instead of the intended 1%."""
SMALLEST_BATCH = 4

NO_BETTER, HARDLY_BETTER = 0.98, 0.9
"""Ratios of the best validation loss to that of a constant prediction."""
LEARNED = 0.8
"""The ratio below which the loss on the training images shows that a model learned these."""

DIVERGED_FACTOR = 4


def warnings_before(recipe: Recipe, images: int, validation: int, steps_per_epoch: int) -> list[str]:
    """Return warnings about a run with too few optimizer steps, training images or validation images."""
    found = []
    total = steps_per_epoch * recipe.training.epochs
    if total < FEW_STEPS:
        found.append(
            f"only {counted(total, 'optimizer step')} in all, {steps_per_epoch:,} per epoch, too few to learn much: "
            f"{more_steps(recipe, images)}"
        )
    if images < FEW_IMAGES:
        found.append(
            f"only {counted(images, 'training image')}, too few to reconstruct others well: add images, or start from "
            "a trained model with --init-from MODEL"
        )
    if validation < FEW_VALIDATION_IMAGES:
        what = "accuracy" if recipe.task == "classifier" else "threshold"
        found.append(
            f"the {what} comes from {counted(validation, 'validation image')}, as does the choice of the best epoch: "
            "name more with --val DATA, or hold out more with --set training.validation_fraction=0.3"
        )
    return found


def diverged_after(epochs: Sequence[EpochMetrics], references: dict[str, float], window: int) -> int | None:
    """Return the best epoch if the run diverged after it, or None.

    A run has diverged if the losses on both the training and the validation images were high in all of the last
    `window` epochs. Ordinary overfitting does not count, as the loss on the training images decreases, nor do single
    peaks, nor noise about a loss from which the run never moved away. Without a reference, high is above twice the
    smallest loss; with one, it is above four times the smallest loss, or nearer to the reference than to the smallest
    loss.
    """
    constant = constant_reference(references)
    best = min(epochs, key=lambda row: row.val_loss, default=None)
    if best is None or len(epochs) - best.epoch < window:
        return None

    def are_high(losses: list[float]) -> bool:
        smallest = min(losses)
        if constant is None:
            limit = 2 * smallest
        elif smallest > HARDLY_BETTER * constant[1]:
            return False
        else:
            limit = min(DIVERGED_FACTOR * smallest, (smallest + constant[1]) / 2)
        return min(losses[-window:]) > limit

    both = [row.val_loss for row in epochs], [row.train_loss for row in epochs]
    return best.epoch if all(map(are_high, both)) else None


def warning_after(
    recipe: Recipe, epochs: Sequence[EpochMetrics], references: dict[str, float], images: int
) -> str | None:
    """Return what `shortfall` says of a run and what to try; None if the model learned something."""
    found = shortfall(recipe, epochs, references)
    return f"{found}: {_remedy(recipe, epochs, images, constant_reference(references))}" if found else None


def shortfall(recipe: Recipe, epochs: Sequence[EpochMetrics], references: dict[str, float]) -> str | None:
    """Return a sentence if the best epoch's model is worth no more than a constant or its initial weights."""
    best = min(epochs, key=lambda row: row.val_loss)
    constant, initial = constant_reference(references), references.get("initial_network")
    if constant and constant[1] > 0 and best.val_loss >= HARDLY_BETTER * constant[1]:
        degree = "no" if best.val_loss >= NO_BETTER * constant[1] else "hardly"
        name = "guessing by the" if recipe.task == "classifier" else "the"
        penalty = " with its penalty" if recipe.penalty.sparsity_weight else ""
        return (
            f"the model is {degree} better than {name} {reference_label(constant[0])} (validation loss{penalty} "
            f"{best.val_loss:.4f}, {reference_label(constant[0])} {constant[1]:.4f})"
        )
    if initial is not None and best.val_loss >= initial:
        return (
            "the model is no better than the one it started from "
            f"(validation loss {best.val_loss:.4f}, before {initial:.4f})"
        )
    return None


def constant_reference(references: dict[str, float]) -> tuple[str, float] | None:
    """Return the name and the loss of the constant prediction among the references; None if there is none."""
    return next(((name, loss) for name, loss in references.items() if not name.endswith("_network")), None)


def reference_label(name: str) -> str:
    """Return the words for a reference loss, such as "mean image" for `mean_image`."""
    return name.replace("_", " ")


def more_steps(recipe: Recipe, images: int) -> str:
    """Return the options with which an epoch has at least 10 steps where possible, and a run at least 300."""
    options = []
    size, epochs = recipe.training.images_per_step, recipe.training.epochs
    if math.ceil(images / size) < FEW_STEPS_PER_EPOCH and size > SMALLEST_BATCH:
        size = max(SMALLEST_BATCH, 2 ** int(math.log2(max(1, images / FEW_STEPS_PER_EPOCH))))
        options.append(f"--batch-size {size}")
        if recipe.optimizer.name == "sgd":  # a rate and a momentum for large batches diverge with small ones
            options.append("--set optimizer.name=adamw --set optimizer.momentum=0.9 --lr 0.002")
    steps = math.ceil(images / size)
    if steps * epochs < ENOUGH_STEPS:
        options.append(f"--epochs {math.ceil(ENOUGH_STEPS / steps)}")
    return " ".join(options)


def _remedy(recipe: Recipe, epochs: Sequence[EpochMetrics], images: int, constant: tuple[str, float] | None) -> str:
    """Return what to try, from the course of the losses."""
    training = recipe.training
    stopped_early = is_finished(recipe, epochs) and len(epochs) < training.epochs
    patience = f"--patience {2 * training.patience}" if stopped_early else ""
    if len(epochs) * math.ceil(images / training.images_per_step) < ENOUGH_STEPS:
        options = more_steps(recipe, images), patience
        if any(options):
            return " ".join(filter(None, options))
    if constant and min(row.train_loss for row in epochs) < LEARNED * constant[1]:
        return "it has learned its training images only; add images"
    quarter = epochs[len(epochs) * 3 // 4 :]
    is_falling = quarter[-1].train_loss < 0.99 * quarter[0].train_loss
    if is_falling:
        return f"the loss was still falling; try {patience or f'--epochs {3 * training.epochs}'}"
    return f"try --lr {recipe.optimizer.lr / 10:g}"
