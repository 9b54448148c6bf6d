"""Find the image that each code was made from."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes, CodesMeta
from aecli.data import load_again
from aecli.data.conversion import Conversion
from aecli.data.image_set import ImageSet
from aecli.data.levels import Levels
from aecli.data.options import DataOptions
from aecli.data.shapes import NATIVE, Shape
from aecli.data.tiling import Tiling
from aecli.errors import InputError
from aecli.runtime.progress import Progress, silent
from aecli.storage.labels import UNLABELED


def matching_images(codes: Codes, images: ImageSet) -> NDArray[np.int64]:
    """Return the index in `images` of the image that each of the N codes was made from, (N,).

    Images are matched by name, because a code file may hold a subset of them or another order. Two data sets may
    share names (both have a `test/0`), so their fingerprints must be equal, or else their labels, or else, without
    labels, their DATA words up to the split.

    Raises:
        InputError: the codes were made from other images.
    """
    hint = f"name the images that the codes were made from: {codes.meta.data}"
    same_data = images.fingerprint == codes.meta.data_fingerprint
    if same_data and np.array_equal(images.names, codes.names):
        return np.arange(len(codes))
    index_by_name = {name: index for index, name in enumerate(images.names.tolist())}
    missing = next((name for name in codes.names.tolist() if name not in index_by_name), None)
    if missing is not None:
        raise InputError(f"{images.word} has no image named '{missing}'", hint=hint)
    if len(index_by_name) < len(images):
        raise InputError(f"several images of {images.word} have the same name", hint=hint)
    indices = np.array([index_by_name[name] for name in codes.names.tolist()], np.int64)
    if not same_data and not _labels_or_words_agree(codes, images, indices):
        raise InputError(f"the codes were made from other images than those of {images.word}", hint=hint)
    return indices


def images_of(codes: Codes, options: DataOptions, progress: Progress = silent) -> ImageSet:
    """Read the images that the codes were made from, in the shape that the model took and in the codes' order.

    Raises:
        InputError: the images are missing or have changed.
        UnavailableError: the data set, a package or disk space is not available.
    """
    conversion = conversion_of_codes(codes.meta)
    images = load_again(codes.meta.data, codes.meta.data_fingerprint, options, conversion, progress=progress)
    indices = matching_images(codes, images)
    return images if np.array_equal(indices, np.arange(len(images))) else images.take(indices)


def conversion_of_codes(meta: CodesMeta) -> Conversion:
    """Return how the images that codes were made from became the model's input."""
    return Conversion(
        cast(Shape, meta.image_shape or NATIVE),
        meta.resize,
        Levels(*meta.levels) if meta.levels else "declared",
        tiles=_tiling(meta),
    )


def _tiling(meta: CodesMeta) -> Tiling | None:
    try:
        return Tiling(*meta.tiles) if meta.tiles else None
    except (TypeError, ValueError) as error:
        raise InputError(f"damaged codes: {meta.tiles} are not tiles", hint="encode the images again") from error


def _labels_or_words_agree(codes: Codes, images: ImageSet, indices: NDArray[np.int64]) -> bool:
    if codes.labels is not None and images.labels is not None:
        image_labels = images.labels[indices]
        both_labeled = (codes.labels != UNLABELED) & (image_labels != UNLABELED)
        if both_labeled.any():
            code_classes = np.array(codes.meta.class_names)[codes.labels[both_labeled]]
            return bool((code_classes == np.array(images.class_names)[image_labels[both_labeled]]).all())
    return _without_split(codes.meta.data) == _without_split(images.word)


def _without_split(word: str) -> str:
    name, colon, split = word.rpartition(":")
    split = split.partition("@")[0]
    return name if colon and split in ("train", "test", "val", "all") else word
