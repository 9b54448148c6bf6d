"""Classes of one set of images as another numbers them: what counts is their names."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_set import ImageSet
from aecli.errors import InputError
from aecli.storage.labels import UNLABELED


def occurring_classes(images: ImageSet) -> tuple[str, ...]:
    """Return the names of the classes that at least one image has, in their order."""
    if images.labels is None:
        return ()
    return tuple(images.class_names[label] for label in np.unique(images.labels) if label != UNLABELED)


def with_classes(images: ImageSet, class_names: tuple[str, ...]) -> ImageSet:
    """Return the images with labels that are indices into `class_names`; those of other classes lose their label.

    They are still the images that were read: their fingerprint stays.
    """
    if images.labels is None:
        return images
    numbers = {name: number for number, name in enumerate(class_names)}
    table = np.array([*(numbers.get(name, UNLABELED) for name in images.class_names), UNLABELED])  # -1 finds the last
    return replace(images, labels=table[images.labels], class_names=class_names, known_fingerprint=images.fingerprint)


def matched_labels(images: ImageSet, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the labels as indices into `class_names`, (N,), UNLABELED (-1) for an image without a label.

    All are unlabeled where the images have other classes altogether.

    Raises:
        InputError: some of the images' classes are among `class_names`, others are not.
    """
    occurring = set(occurring_classes(images))
    unknown = sorted(occurring - set(class_names))
    if unknown and len(unknown) < len(occurring):
        raise InputError(
            f"{images.word} has classes that the model does not know: {', '.join(unknown)}; "
            f"it knows {', '.join(class_names)}",
            hint="leave them out, such as DATA@-CLASS, or all labels with --labels-from none",
        )
    labels = with_classes(images, class_names).labels
    return np.full(len(images), UNLABELED) if labels is None else labels
