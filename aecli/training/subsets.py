"""The images that a run trains on, and those that it validates on."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import DataSource
from aecli.data import (
    UNLABELED,
    DataOptions,
    DataRef,
    ImageSet,
    draw_per_class,
    hold_out,
    load,
    occurring_classes,
    resolve,
    with_classes,
)
from aecli.data.conversion import Conversion
from aecli.data.headers import DifferentSizesError
from aecli.data.layouts.split_names import split_of
from aecli.data.levels import Levels
from aecli.data.pages import file_name
from aecli.data.splits import hold_out_by_name
from aecli.data.tiling import Tiling
from aecli.errors import InputError
from aecli.recipes.schema import Recipe
from aecli.recipes.sections import ModelRecipe
from aecli.runtime.progress import Progress, silent

ANY_SIZE_TILE = 256
"""Pixels of the tiles that a model for images of any size is trained on if its images differ in size."""
LABELS_HINT = "labels are read from folders, root/class/*, or with --labels-from prefix from names, class_xxx.jpg"


@dataclass(frozen=True)
class Subset:
    """A selection of the images of a set, without a copy."""

    images: ImageSet
    indices: NDArray[np.int64]
    """(M,) indices in the set."""

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(M,) indices into the set's class names, UNLABELED (-1) where unknown."""
        return np.full(len(self), UNLABELED) if self.images.labels is None else self.images.labels[self.indices]

    def largest_per_image(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values, (M,), or the largest one among the tiles of each image if the selection is of tiles."""
        tiles = self.images.tiles
        return values if tiles is None else tiles.take(self.indices).largest(values)

    @property
    def source(self) -> DataSource:
        """The images' name, fingerprint and number, as a checkpoint records them; tiles count as their image."""
        tiles = self.images.tiles
        count = len(self) if tiles is None else len(tiles.take(self.indices).images)
        return DataSource(self.images.word, self.images.fingerprint, count)


def load_subsets(
    data: str | DataRef,
    validation_data: str | DataRef | None,
    recipe: Recipe,
    options: DataOptions,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> tuple[Subset, Subset]:
    """Read the training images and the validation images.

    Without `validation_data`, these are the source's own `val` split if `data` names `train` or no split. Otherwise
    some of the training images are held out: of a path by their names and the seed, of a named data set at random by
    the seed.
    For a classifier, images without a label are left out, and labels are indices into the training images' classes.

    Raises:
        InputError: images are missing, damaged or too few, or lack the labels that the recipe needs.
        UnavailableError: a data set or package is not available, or the disk is full.
    """
    ref = resolve(data)
    images = _load_training_images(ref, recipe, options, skip_damaged, progress)
    validation_data = validation_data or _own_validation(ref)
    if validation_data is None:
        rest, held_out = _hold_out(images, ref, recipe, options)
        subsets = Subset(images, rest), Subset(images, held_out)
    else:
        tiling = images.tiles.tiling if images.tiles else None
        conversion = Conversion(images.image_shape, recipe.model.resize, images.levels or "declared", tiles=tiling)
        validation = load(validation_data, options, conversion, skip_damaged=skip_damaged, progress=progress)
        subsets = whole(images), whole(validation)
    if recipe.task == "classifier":
        classes = _classes_to_learn(images)
        subsets = _labeled(subsets[0], classes), _labeled(subsets[1], classes)
    return _limited(subsets[0], recipe.training.limit_per_class, recipe.training.seed), subsets[1]


def _load_training_images(
    ref: DataRef, recipe: Recipe, options: DataOptions, skip_damaged: bool, progress: Progress
) -> ImageSet:
    """Read the training images; of `any` size as tiles if their sizes differ."""
    conversion = _conversion(recipe)
    try:
        return load(ref, options, conversion, training=True, skip_damaged=skip_damaged, progress=progress)
    except DifferentSizesError:
        if recipe.model.image_size != "any" or recipe.task == "classifier":  # which takes whole images
            raise
    shape = (conversion.shape[0], ANY_SIZE_TILE, ANY_SIZE_TILE)
    conversion = replace(conversion, shape=shape, tiles=Tiling(ANY_SIZE_TILE, 0))
    return load(ref, options, conversion, training=True, skip_damaged=skip_damaged, progress=progress)


def _own_validation(ref: DataRef) -> DataRef | None:
    """Return the `val` split of the images to train on, with the same classes; None if there is none."""
    is_train = ref.split is None or split_of(ref.split) == "train"
    return replace(ref, split="val") if is_train and "val" in ref.source.splits() else None


def given_levels(model: ModelRecipe) -> Levels | None:
    """Return the values that the recipe says become 0 and 255; None if they are measured."""
    return None if model.white == "measured" else Levels(0 if model.black == "measured" else model.black, model.white)


def _conversion(recipe: Recipe) -> Conversion:
    model = recipe.model
    return Conversion(model.image_shape, model.resize, given_levels(model) or "measured", tiles=_tiling(recipe))


def _tiling(recipe: Recipe) -> Tiling | None:
    return Tiling(recipe.model.tile, recipe.model.tile_overlap) if recipe.model.tile else None


def _hold_out(
    images: ImageSet, ref: DataRef, recipe: Recipe, options: DataOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the images to train on, and of those to validate on."""
    fraction, seed = recipe.training.validation_fraction, recipe.training.seed
    if ref.is_named:
        return hold_out(len(images) if images.labels is None else images.labels, fraction, seed)
    candidates = np.arange(len(images))
    if recipe.task == "classifier" and images.labels is not None and len(occurring_classes(images)) > 1:
        candidates = np.flatnonzero(images.labels != UNLABELED)  # some of these, not any images, must be held out
    all_names = images.image_names  # the tiles of an image stay together
    names = [all_names[index] for index in candidates]
    if options.pages == "all":  # the pages of a file are alike: they stay together
        names = list(map(file_name, names))
    rest, held_out = hold_out_by_name(names, fraction, seed, "validation")
    return candidates[rest], candidates[held_out]


def whole(images: ImageSet) -> Subset:
    """Return the subset of all images of a set."""
    return Subset(images, np.arange(len(images)))


def _classes_to_learn(images: ImageSet) -> tuple[str, ...]:
    classes = occurring_classes(images)
    if not classes:
        raise InputError(f"{images.word} has no labels, which a classifier needs", hint=LABELS_HINT)
    if len(classes) < 2:
        raise InputError(
            f"all labeled images of {images.word} have the class {classes[0]}: a classifier needs two classes",
            hint="add images of another class",
        )
    return classes


def _labeled(subset: Subset, classes: tuple[str, ...]) -> Subset:
    """Return the images that have a label, with labels as indices into `classes`.

    Raises:
        InputError: no image has a label, or a class is not among `classes`.
    """
    unknown = sorted(set(occurring_classes(subset.images)) - set(classes))
    if unknown:
        raise InputError(
            f"{subset.images.word} has classes that the training images lack: {', '.join(unknown)}",
            hint="select the classes to validate on: --val DATA@CLASS,CLASS",
        )
    images = with_classes(subset.images, classes)
    labeled = Subset(images, subset.indices[subset.labels != UNLABELED])
    if not len(labeled):
        raise InputError(f"none of the images of {images.word} to train or validate on has a label", hint=LABELS_HINT)
    missing = int(np.count_nonzero(whole(images).labels == UNLABELED))
    if missing:
        note = f"{missing:,} of {len(images):,} images of {images.word} have no label and are left out"
        images = replace(images, notes=(*images.notes, note))
    return replace(labeled, images=images)


def _limited(subset: Subset, limit: int, seed: int) -> Subset:
    """Return `limit` images of each class, drawn by the seed; all images for 0.

    Raises:
        InputError: no image has a label, or a class has fewer images.
    """
    if not limit:
        return subset
    labels, images = subset.labels, subset.images
    classes, counts = np.unique(labels[labels != UNLABELED], return_counts=True)
    if not len(classes):
        raise InputError(f"{images.word} has no labels, which --limit-per-class needs", hint=LABELS_HINT)
    if counts.min() < limit:
        rarest = images.class_names[classes[counts.argmin()]]
        raise InputError(
            f"{images.word} has {counts.min()} training images of class {rarest}, fewer than {limit}",
            hint=f"--limit-per-class {counts.min()}",
        )
    return Subset(images, subset.indices[draw_per_class(labels, limit, seed)])
