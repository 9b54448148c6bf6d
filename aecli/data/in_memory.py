"""Images in memory as a source: arrays, torch tensors, Pillow images and lists of these and of paths."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.arrays.images import channels_first
from aecli.data.arrays.labels import LabelArray, read_labels
from aecli.data.encoded import EncodedImage, FileOnDisk, ImageInMemory
from aecli.data.image_set import ImageSet
from aecli.data.levels import ValueRange
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.source import ImageArrays, ImageFiles, Source
from aecli.errors import InputError
from aecli.runtime.progress import Progress

IN_MEMORY = "images in memory"
"""What stands for the DATA word of images that have none."""

Content = ImageArrays | ImageFiles


class MemorySource(Source):
    """Images that are in memory already."""

    summary = IN_MEMORY

    def __init__(self, content: Content):
        self._content = content

    def splits(self) -> tuple[str, ...]:
        """Return no splits."""
        return ()

    def read(self, split: str, options: DataOptions, progress: Progress) -> Content:
        """Return the images."""
        return self._content


def memory_ref(images: Any, labels: Any = None) -> DataRef:
    """Return images in memory as what a DATA word resolves to.

    Args:
        images: An `ImageSet`; or an array or torch tensor, (N, H, W), (N, H, W, C) or (N, C, H, W) of any number type,
            which is read as an `.npy` file of it would be; or a list of Pillow images, paths of image files, and
            arrays or tensors of single images, which may have different sizes if they are uint8.
        labels: (N,) whole numbers or text, or (N, K) one-hot; -1, NaN, empty text and rows of zeros mark images without
            a label. None for images without labels, or to keep those of an `ImageSet`.

    Raises:
        InputError: the images or labels have the wrong shape, type or values.
        UnavailableError: there is not enough memory.
    """
    content = _content(images, len(labels) if labels is not None else None)
    if labels is not None:
        content = _with_labels(content, labels)
    word = images.word if isinstance(images, ImageSet) else IN_MEMORY
    return DataRef(MemorySource(content), word, None, None)


def is_image(image: Any) -> bool:
    """Return whether this is an image, not the numbers of one."""
    return isinstance(image, str | os.PathLike) or getattr(image, "ndim", 0) > 0 or is_pillow(image)


def is_pillow(image: Any) -> bool:
    """Return whether this is a Pillow image; Pillow is not imported."""
    return any(kind.__module__ == "PIL.Image" for kind in type(image).__mro__)


def to_numpy(images: Any) -> NDArray[Any]:
    """Return an array, a tensor on any device, or nested lists of numbers as an array of numbers.

    Raises:
        InputError: they hold anything else.
    """
    if hasattr(images, "detach"):  # a tensor; torch itself may be missing beside an exported model
        images = images.detach().cpu()
        if str(images.dtype) == "torch.bfloat16":  # numpy has no such type
            images = images.float()
        images = images.numpy()
    try:
        array = np.asarray(images)
    except (ValueError, TypeError) as error:  # rows of different lengths
        raise InputError("the images do not form an array: their shapes differ") from error
    if array.dtype.kind not in "buif":
        raise InputError(
            f"images must be numbers, not {type(images).__name__} of type {array.dtype}",
            hint="give arrays, tensors, Pillow images or paths, or a list of them",
        )
    return array


def _content(images: Any, count: int | None) -> Content:
    if isinstance(images, ImageSet):
        return _content_of_set(images)
    if isinstance(images, list | tuple) and any(map(is_image, images)):
        return _content_of_list(images)
    return _content_of_array(to_numpy(images), count)


def _content_of_set(images: ImageSet) -> ImageArrays:
    if images.levels is not None:
        raise InputError(
            f"the images of {images.word} had more than 8 bits, and are scaled to 8 bits already",
            hint="give the DATA word instead, so that the model scales other images in the same way",
        )
    return ImageArrays(images.names, images.labels, images.class_names, images.images)


def _content_of_array(array: NDArray[Any], count: int | None) -> ImageArrays:
    images, notes = channels_first(array, "the images", count)
    depth = ValueRange.of(images) if images.dtype != np.uint8 else None
    if depth is not None and not depth.is_finite:
        raise InputError("the images contain NaN or infinite values", hint="replace these values")
    names = np.array([f"all/{index}" for index in range(len(images))])  # as in a file of this array
    return ImageArrays(names, None, (), images, notes, depth)


def _content_of_list(images: Sequence[Any]) -> Content:
    if all(not (is_pillow(image) or isinstance(image, str | os.PathLike)) for image in images):
        arrays = [to_numpy(image) for image in images]
        if len({array.shape for array in arrays}) == 1:
            return _content_of_array(np.stack(arrays), len(arrays))
    files = [_file(image, index) for index, image in enumerate(images)]
    return ImageFiles(np.array([file.where for file in files], np.str_), None, (), tuple(files))


def _file(image: Any, index: int) -> EncodedImage:
    if isinstance(image, str | os.PathLike):
        return FileOnDisk(Path(image))
    if is_pillow(image):
        return ImageInMemory(image, os.fsdecode(getattr(image, "filename", "") or f"all/{index}"))
    from PIL import Image

    array = to_numpy(image)
    if array.dtype not in (np.uint8, bool):
        raise InputError(
            f"image {index} is an array of {array.dtype}, and the images differ in shape",
            hint="give uint8 in 0..255, or images of one shape",
        )
    pixels, _ = channels_first(array[None], f"image {index}", 1)
    plain = pixels[0, 0] if pixels.shape[1] == 1 else np.ascontiguousarray(pixels[0].transpose(1, 2, 0))
    return ImageInMemory(Image.fromarray(plain), f"all/{index}")


def _with_labels(content: Content, labels: Any) -> Content:
    values = to_numpy(labels) if hasattr(labels, "detach") else np.asarray(labels)
    numbers, class_names = read_labels([LabelArray("labels", values, len(content.names))], (), IN_MEMORY)
    return replace(content, labels=numbers, class_names=class_names)
