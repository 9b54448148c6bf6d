"""Match the classes of one set of images to those of another by their names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_set import ImageSet
from aecli.data.source import SourceContent
from aecli.errors import InputError
from aecli.storage.labels import UNLABELED

MAX_NAMED = 10
"""The most classes that a description names."""


def occurring_classes(images: ImageSet | SourceContent) -> tuple[str, ...]:
    """Return the names of the classes that have at least one image, in the order of `class_names`."""
    if images.labels is None:
        return ()
    return tuple(images.class_names[label] for label in np.unique(images.labels) if label != UNLABELED)


def first_classes(names: Sequence[str]) -> str:
    """Return the names of the first ten classes: `a, b, c, d, e, f, g, h, i, j, ...`."""
    return f"{', '.join(names[:MAX_NAMED])}{', ...' if len(names) > MAX_NAMED else ''}"


def classes_text(names: Sequence[str]) -> str:
    """Return the number of classes and the names of the first ones, such as `2: cat, dog`; `none` without classes."""
    return f"{len(names):,}: {first_classes(names)}" if names else "none"


def with_classes(images: ImageSet, class_names: tuple[str, ...]) -> ImageSet:
    """Return the images with labels that are indices into `class_names`; images of other classes become unlabeled.

    The fingerprint remains that of the images as they were read.
    """
    if images.labels is None:
        return images
    numbers = {name: number for number, name in enumerate(class_names)}
    table = np.array([*(numbers.get(name, UNLABELED) for name in images.class_names), UNLABELED])  # -1 selects the last
    return replace(images, labels=table[images.labels], class_names=class_names, known_fingerprint=images.fingerprint)


def matched_labels(images: ImageSet, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the labels as indices into `class_names`, (N,), UNLABELED (-1) for an image without a label.

    If none of the images' classes is among `class_names`, all images are unlabeled.

    Raises:
        InputError: some of the images' classes are among `class_names` and others are not.
    """
    occurring = set(occurring_classes(images))
    unknown = sorted(occurring - set(class_names))
    if unknown and len(unknown) < len(occurring):
        raise InputError(
            f"{images.word} has classes that are unknown to the model: {', '.join(unknown)}; "
            f"the model's classes are {', '.join(class_names)}",
            hint="exclude them with DATA@-CLASS, or ignore all labels with --labels-from none",
        )
    labels = with_classes(images, class_names).labels
    return np.full(len(images), UNLABELED) if labels is None else labels
