"""The images of a compression report: those that no model was trained on, in the size that the models take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.blocks import Block, ImageBlocks, grouped
from aecli.data import DataOptions, DataRef, ImageSet, load
from aecli.data.conversion import Conversion
from aecli.data.image_files import quiet
from aecli.data.own_size import OwnSizeImages, own_size_images
from aecli.errors import InputError
from aecli.inference.training_overlap import trained_names, training_overlap
from aecli.reports.compression.models import CODEC, CODES, ComparedModel, first_sized
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered

PENDING_PIXELS = 1 << 25
"""Pixels of images that are read ahead; one image may have more."""


@dataclass(frozen=True)
class UnseenImages:
    """The images of a data set without those that a model was trained on."""

    images: ImageSet
    """As the first model with a size takes them, or without one as the first model takes them for its codes."""
    trained: tuple[int | None, ...]
    """How many of the images each model was trained on; None for a model of version 0.1."""
    left_out: int | None
    """How many images were left out; None if none of the models knows its training images."""
    warnings: tuple[str, ...]


def unseen_images(
    models: Sequence[ComparedModel], data: DataRef, options: DataOptions, progress: Progress
) -> UnseenImages:
    """Read the images, and leave out those that a model was trained on.

    Raises:
        InputError: the images cannot be read, or the models were trained on all of them.
        UnavailableError: a data set, disk space or memory is not available.
    """
    loaded: dict[Conversion, ImageSet] = {}
    for model in (first_sized(models), *models):
        if model.conversion not in loaded:
            loaded[model.conversion] = load(data, options, model.conversion, skip_damaged=True, progress=progress)
    images = loaded[first_sized(models).conversion]
    known: set[str] = set()
    trained: list[int | None] = []
    warnings: list[str] = []
    for model in models:
        overlap, names = loaded[model.conversion], trained_names(model.model, loaded[model.conversion])
        trained.append(None if names is None else len(names))
        if names is None:
            warnings += training_overlap(model.model, overlap).warnings
        elif names:
            known |= names
            warnings.append(_warning(model, len(names), overlap))
    if known:
        kept = [index for index, name in enumerate(images.image_names) if name not in known]
        if not kept:
            raise InputError(
                f"the model was trained on all {counted(images.image_count, 'image')} of {images.word}: they do not "
                "show how well it compresses new ones",
                hint="measure on images that it was not trained on, such as those of another split",
            )
        images = images.take(np.array(kept, np.int64))
    left_out = None if set(trained) == {None} else len(known)
    return UnseenImages(images, tuple(trained), left_out, tuple(dict.fromkeys(warnings)))


def _warning(model: ComparedModel, count: int, images: ImageSet) -> str:
    name = "the model" if model.name in (CODES, CODEC) else model.name
    of_all = f"{count:,} of the {counted(images.image_count, 'image')} of {images.word}"
    return f"{name} was trained on {of_all}: left out, because metrics on these are better than on new images"


def in_own_size(
    images: ImageSet, data: DataRef, conversion: Conversion, options: DataOptions, progress: Progress
) -> tuple[ImageSet, ImageBlocks]:
    """Return a set of images, and the same images in their own size, read when they are needed.

    The set has no notes on how its images were resized or cut.
    """
    channels = images.image_shape[0]
    levels = "declared" if conversion.levels == "measured" else conversion.levels
    own = own_size_images(data, channels, levels, options, progress)
    place = {name: index for index, name in enumerate(own.names)}
    indices = [place[name] for name in dict.fromkeys(images.image_names)]
    noted = replace(images, notes=own.notes, warnings=(), known_fingerprint=images.fingerprint)
    return noted, ImageBlocks(len(indices), channels, partial(_read, own, indices))


def _read(own: OwnSizeImages, indices: Sequence[int]) -> Iterator[Block]:
    def pixels(index: int) -> NDArray[np.uint8]:
        return own.read(index).pixels

    def weigh(index: int) -> int:
        return prod(own.native_shape(index)[1:])

    with quiet():
        yield from grouped(map_ordered(pixels, indices, weigh=weigh, most=PENDING_PIXELS))
