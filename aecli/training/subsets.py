"""The images that a run trains on and those that it is judged by."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aecli.data import (
    UNLABELED,
    DataOptions,
    DataRef,
    ImageSet,
    draw_per_class,
    hold_out,
    load,
    occurring_classes,
    with_classes,
)
from aecli.errors import InputError
from aecli.recipes.schema import Recipe
from aecli.runtime.progress import Progress, silent

LABELS_HINT = "labels come from folders, root/class/*, or with --labels-from prefix from names such as class_xxx.jpg"


@dataclass(frozen=True)
class Subset:
    """Some images of a set; nothing is copied."""

    images: ImageSet
    indices: NDArray[np.int64]
    """(M,) indices in the set."""

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(M,) indices into the set's class names, UNLABELED (-1) where unknown."""
        return np.full(len(self), UNLABELED) if self.images.labels is None else self.images.labels[self.indices]


def load_subsets(
    data: str | DataRef,
    validation_data: str | DataRef | None,
    recipe: Recipe,
    options: DataOptions,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> tuple[Subset, Subset]:
    """Read the images to train on, and those to validate on: named ones, else some held out by the recipe's seed.

    For a classifier, they all have labels, numbered by the classes that occur among the images to train on.

    Raises:
        InputError: no such images, damaged ones, too few, or without the labels that the recipe asks for.
        UnavailableError: a data set, package or disk space is not here.
    """
    images = load(
        data,
        options,
        image_shape=recipe.model.image_shape,
        training=True,
        skip_damaged=skip_damaged,
        progress=progress,
    )
    if validation_data is None:
        known = len(images) if images.labels is None else images.labels
        rest, held = hold_out(known, recipe.training.validation_fraction, recipe.training.seed)
        subsets = Subset(images, rest), Subset(images, held)
    else:
        validation = load(
            validation_data, options, image_shape=images.image_shape, skip_damaged=skip_damaged, progress=progress
        )
        subsets = whole(images), whole(validation)
    if recipe.task == "classifier":
        classes = _classes_to_learn(images)
        subsets = _labeled(subsets[0], classes), _labeled(subsets[1], classes)
    return _limited(subsets[0], recipe.training.limit_per_class, recipe.training.seed), subsets[1]


def whole(images: ImageSet) -> Subset:
    """Return all images of a set."""
    return Subset(images, np.arange(len(images)))


def _classes_to_learn(images: ImageSet) -> tuple[str, ...]:
    classes = occurring_classes(images)
    if not classes:
        raise InputError(f"{images.word} has no labels to learn from", hint=LABELS_HINT)
    if len(classes) < 2:
        raise InputError(f"all labeled images of {images.word} are of one class, {classes[0]}: nothing to tell apart")
    return classes


def _labeled(subset: Subset, classes: tuple[str, ...]) -> Subset:
    """Return the images that have a label, as indices into `classes`.

    Raises:
        InputError: there is none, or one of another class.
    """
    unknown = sorted(set(occurring_classes(subset.images)) - set(classes))
    if unknown:
        raise InputError(
            f"{subset.images.word} has classes that are not to be learnt: {', '.join(unknown)}",
            hint="choose those to validate on: --val DATA@CLASS,CLASS",
        )
    images = with_classes(subset.images, classes)
    labeled = Subset(images, subset.indices[subset.labels != UNLABELED])
    if not len(labeled):
        raise InputError(f"no image of {images.word} to train or validate on has a label", hint=LABELS_HINT)
    missing = int(np.count_nonzero(whole(images).labels == UNLABELED))
    if missing:
        note = f"left out, without a label: {missing:,} of {len(images):,} images of {images.word}"
        images = replace(images, notes=(*images.notes, note))
    return replace(labeled, images=images)


def _limited(subset: Subset, limit: int, seed: int) -> Subset:
    """Return `limit` images of each class, or all for 0.

    Raises:
        InputError: there are no labels, or a class has fewer images.
    """
    if not limit:
        return subset
    labels, images = subset.labels, subset.images
    known, counts = np.unique(labels[labels != UNLABELED], return_counts=True)
    if not len(known):
        raise InputError(f"{images.word} has no labels to draw {limit} images of each class by", hint=LABELS_HINT)
    if counts.min() < limit:
        scarce = images.class_names[known[counts.argmin()]]
        raise InputError(
            f"{images.word} has {counts.min()} images of class {scarce} to train on, fewer than {limit}",
            hint=f"--limit-per-class {counts.min()}",
        )
    return Subset(images, subset.indices[draw_per_class(labels, limit, seed)])
