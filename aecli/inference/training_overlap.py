"""Images that a model was trained on among those that it is measured on."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aecli.checkpoint import CheckpointHeader
from aecli.checkpoint.trained_images import TrainedImages
from aecli.data.image_set import ImageSet
from aecli.data.registry import DataRef, resolve
from aecli.errors import InputError
from aecli.runtime.counting import counted

ADVICE = "metrics on these are better than on new images; measure on images that the model has not seen"


class TrainedModel(Protocol):
    """An autoencoder or a classifier."""

    header: CheckpointHeader
    trained_images: TrainedImages | None


@dataclass(frozen=True)
class TrainingOverlap:
    """What the images that a model is measured on share with those that it was trained on."""

    trained_images: int | None
    """How many of the images the model was trained on, as `trained_count` returns it."""
    warnings: tuple[str, ...]


def trained_count(model: TrainedModel, images: ImageSet) -> int | None:
    """Return how many of the images the model was trained on, whatever their names; None for a model of version 0.1.

    A number that chance explains is 0: an image is mistaken for one of the training images once in 16,384 times. Of
    images in tiles, those count whose tiles are all training images, as a tile of plain background may be in many.
    """
    memory = model.trained_images
    if memory is None or images.tiles is None:
        return None if memory is None else memory.count(images.images)
    unknown = images.tiles.largest((~memory.contains(images.images)).astype(np.float32))
    return int(np.count_nonzero(unknown == 0))


def trained_names(model: TrainedModel, images: ImageSet) -> set[str] | None:
    """Return the names of the images that the model was trained on; None for a model of version 0.1.

    They are those that `trained_count` counts. Of tiles, they are the names of the images that these were cut from.
    """
    memory = model.trained_images
    if memory is None or not trained_count(model, images):
        return None if memory is None else set()
    is_known = memory.contains(images.images)
    if images.tiles is None:
        return set(images.names[is_known].tolist())
    unknown = {name for name, known in zip(images.image_names, is_known.tolist(), strict=True) if not known}
    return set(images.image_names) - unknown


def overlap_warning(trained: int | None, total: int, word: str) -> str | None:
    """Return the warning that a model was trained on some of the `total` images of `word`; None if on none."""
    if not trained:
        return None
    return f"the model was trained on {trained:,} of the {counted(total, 'image')} of {word}: {ADVICE}"


def training_overlap(model: TrainedModel, images: ImageSet) -> TrainingOverlap:
    """Find out whether the model was trained on some of the images.

    A model of version 0.1 does not remember its training images: their DATA word, fingerprint and split are compared.
    """
    if model.trained_images is None:
        return TrainingOverlap(None, tuple(_warnings_of_0_1(model.header, images)))
    trained = trained_count(model, images)
    warning = overlap_warning(trained, images.image_count, images.word)
    return TrainingOverlap(trained, (warning,) if warning else ())


def _warnings_of_0_1(header: CheckpointHeader, images: ImageSet) -> list[str]:
    if images.fingerprint != header.data.fingerprint:
        try:
            trained, measured = resolve(header.data.word), resolve(images.word)
        except InputError:  # the path does not exist anymore
            return []
        if _location(trained) != _location(measured):
            return []
        if trained.paths and not trained.source.splits() and trained.split != measured.split:
            return [
                f"the model was trained on {header.data.word} by aecli 0.1, which divided it into other splits: it was "
                f"probably trained on images of {images.word}; train it again, or measure on other images"
            ]
        if trained.split != measured.split and not {trained.split, measured.split} & {None, "all"}:
            return []
    return [f"the model was trained on {header.data.word}, which shares images with {images.word}: {ADVICE}"]


def _location(ref: DataRef) -> object:
    return [path.resolve() for path in ref.paths] or ref.name
