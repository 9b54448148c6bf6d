"""Which image a code was made from."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes
from aecli.data import load_again
from aecli.data.image_set import ImageSet
from aecli.data.options import DataOptions
from aecli.data.shapes import NATIVE, Shape
from aecli.errors import InputError
from aecli.runtime.progress import Progress, silent
from aecli.storage.labels import UNLABELED


def matching_images(codes: Codes, images: ImageSet) -> NDArray[np.int64]:
    """Return the row in `images` of the image that each of the N codes was made from, (N,).

    Names tell which image is which, as a code file may hold some of them or in another order. They do not tell one
    set from another (both may have a `test/0`): the fingerprint does, or else the labels must agree, or without any
    the word up to the split.

    Raises:
        InputError: these are other images.
    """
    hint = f"name the images that the codes were made from: {codes.meta.data}"
    same = images.fingerprint == codes.meta.data_fingerprint
    if same and np.array_equal(images.names, codes.names):
        return np.arange(len(codes))
    index_by_name = {name: row for row, name in enumerate(images.names.tolist())}
    missing = next((name for name in codes.names.tolist() if name not in index_by_name), None)
    if missing is not None:
        raise InputError(f"{images.word} has no image named '{missing}'", hint=hint)
    if len(index_by_name) < len(images):
        raise InputError(f"several images of {images.word} have the same name", hint=hint)
    indices = np.array([index_by_name[name] for name in codes.names.tolist()], np.int64)
    if not same and not _agree(codes, images, indices):
        raise InputError(f"{images.word} has images of the same names, but they are others", hint=hint)
    return indices


def images_of(codes: Codes, options: DataOptions, progress: Progress = silent) -> ImageSet:
    """Read the images that the codes were made from again, as the model took them, in the codes' order.

    Raises:
        InputError: they are not there any more, or have changed.
        UnavailableError: the data set, a package or disk space is not here.
    """
    shape = cast(Shape, codes.meta.image_shape or NATIVE)
    images = load_again(codes.meta.data, codes.meta.data_fingerprint, options, image_shape=shape, progress=progress)
    indices = matching_images(codes, images)
    return images if np.array_equal(indices, np.arange(len(images))) else images.take(indices)


def _agree(codes: Codes, images: ImageSet, indices: NDArray[np.int64]) -> bool:
    if codes.labels is not None and images.labels is not None:
        theirs = images.labels[indices]
        both = (codes.labels != UNLABELED) & (theirs != UNLABELED)
        if both.any():
            known = np.array(codes.meta.class_names)[codes.labels[both]]
            return bool((known == np.array(images.class_names)[theirs[both]]).all())
    return _without_split(codes.meta.data) == _without_split(images.word)


def _without_split(word: str) -> str:
    name, colon, split = word.rpartition(":")
    split = split.partition("@")[0]
    return name if colon and split in ("train", "test", "val", "all") else word
