"""The images that the functions of `aecli` take: DATA words, image sets, arrays, tensors, Pillow images and paths."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aecli.data import DataRef, ImageSet, resolve
from aecli.data.in_memory import IN_MEMORY, memory_ref
from aecli.data.resize import fit, inner_sizes
from aecli.errors import InputError
from aecli.inference.inputs import ImagesLike, to_images
from aecli.runtime.progress import silent

if TYPE_CHECKING:
    from aecli.inference.model import Model

DataLike: TypeAlias = "ImageSet | ImagesLike"
"""A DATA word or the path of a file or folder, the result of `aecli.load_images`, or images in memory."""


def load_model(model: "Model | str | Path", device: str) -> "Model":
    """Return a loaded model, or load it from a run folder or file to a torch device.

    Raises:
        InputError: the file is missing or damaged, or is not an autoencoder.
        UnavailableError: the device is not available.
    """
    from aecli import inference

    return inference.load(model, device=device) if isinstance(model, str | os.PathLike) else model


def data_ref(images: "DataLike", labels: Any = None) -> DataRef:
    """Return images, and the classes of images in memory, as commands take them.

    Raises:
        InputError: there is no such data, or images or labels have the wrong shape, type or values.
    """
    return resolve(os.fspath(images)) if isinstance(images, str | os.PathLike) else memory_ref(images, labels)


def in_memory(images: "DataLike", model: "Model") -> ImageSet:
    """Return images in memory as the input of a model.

    Arrays and tensors are those that `Model.encode` takes; all other images are resized.

    Raises:
        InputError: the images do not fit the model, or were scaled to 8 bits by other levels than the model's, or a
            file cannot be read.
    """
    if isinstance(images, ImageSet):
        if images.levels not in (None, model.conversion.levels):
            raise InputError(
                f"the images of {images.word} were scaled to 8 bits by other levels than the model's",
                hint="load them with conversion=model.conversion, or give the DATA word",
            )
        fitted = fit(images.images, model.conversion, silent)
        inner = images.inner if fitted is images.images else inner_sizes(images.images, fitted, model.conversion)
        return ImageSet(
            fitted, images.names, images.word, images.labels, images.class_names, masks=images.masks, inner=inner
        )
    pixels = to_images(images, model.conversion)
    return ImageSet(pixels, names_of(images, len(pixels)), IN_MEMORY)


def names_of(images: Any, count: int) -> NDArray[np.str_]:
    """Return a name for each of the images, (N,): its path if it has one, or its number from 0."""
    if isinstance(images, Sequence) and not isinstance(images, str) and len(images) == count:
        return np.array([_path_of(image) or str(index) for index, image in enumerate(images)], np.str_)
    return np.arange(count).astype(np.str_)


def _path_of(image: Any) -> str:
    """Return the path of an image file, or of the file of a Pillow image; "" if there is none."""
    path = image if isinstance(image, str | os.PathLike) else getattr(image, "filename", "")
    return os.fsdecode(path) if path else ""
