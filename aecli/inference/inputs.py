"""The images that the Python interface takes: arrays, tensors, Pillow images, paths, and lists of these."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk
from aecli.data.image_files import convert, decode, quiet
from aecli.data.in_memory import is_image, is_pillow, to_numpy
from aecli.data.levels import DECLARED_WHITE, Levels, ValueRange, require_scale_of_one, to_8_bits
from aecli.data.shapes import FullShape, complete
from aecli.errors import InputError
from aecli.runtime.threads import map_ordered

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

ImageLike: TypeAlias = "NDArray[Any] | Tensor | Image | str | os.PathLike[str]"
"""One image: an array or a tensor, a Pillow image, or the path of an image file."""
ImagesLike: TypeAlias = "ImageLike | Sequence[ImageLike]"
"""Images: an array or a tensor of one or more, or one image, or a sequence of single images."""

ROUNDING = 1e-4
"""Floating point values may exceed 0..1 by this much, as after a resize; they are clipped."""


def to_images(images: ImagesLike, conversion: Conversion) -> NDArray[np.uint8]:
    """Convert images to the input of a model, (N, C, H, W) uint8; `conversion.shape` is the model's (C, H, W).

    Arrays and torch tensors, on any device, must have the model's size. They are (N, C, H, W) or (N, H, W, C); or one
    image, (C, H, W) or (H, W, C). The axis C may be missing if the model's images are gray, but (3, H, W) is refused:
    it might be an image in color. The first of these layouts that fits is used. Their values are

    * uint8 in 0..255, or bool
    * floating point in 0..1
    * other integers in 0..255; uint16 in 0..65535
    * if the model was trained on images of more than 8 bits: numbers of any type but uint8 and bool in the range of
      the training images, which become 0 to 255 by the model's levels.

    Pillow images and image files may have any size and color: they are converted as the command line converts image
    files. An array of the right shape and type is returned as it is, without a copy.

    Raises:
        InputError: the shape, the type or the values do not fit, or a file cannot be read.
    """
    if isinstance(images, list | tuple) and any(is_image(image) for image in images):
        return _convert_list(images, conversion)
    return _convert_item(images, conversion)


def _convert_list(images: Sequence[Any], conversion: Conversion) -> NDArray[np.uint8]:
    converted = np.empty((len(images), *complete(conversion.shape, (1, 1, 1))), np.uint8)

    def convert_single(index: int) -> NDArray[np.uint8]:
        pixels = _convert_item(images[index], conversion)
        if len(pixels) != 1:
            raise InputError(f"item {index} of the list is {len(pixels)} images", hint="give a list of single images")
        return pixels

    with quiet():
        for index, pixels in enumerate(map_ordered(convert_single, range(len(images)))):
            converted[index] = pixels[0]
    return converted


def _convert_item(image: Any, conversion: Conversion) -> NDArray[np.uint8]:
    if isinstance(image, str | os.PathLike):
        with quiet():
            return decode(FileOnDisk(Path(image)), conversion).pixels[None]
    if is_pillow(image):
        return convert(image, conversion).pixels[None]
    return _convert_array(to_numpy(image), conversion)


def _convert_array(array: NDArray[Any], conversion: Conversion) -> NDArray[np.uint8]:
    array = _arrange(array, complete(conversion.shape, (1, 1, 1)))
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if not array.size:
        return array.astype(np.uint8)
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("the images contain NaN or infinite values")
    return to_8_bits(array, _levels_for(array.dtype, low, high, conversion))


def _arrange(array: NDArray[Any], shape: FullShape) -> NDArray[Any]:
    """Return a view of the images as (N, C, H, W), where `shape` is the required (C, H, W).

    Raises:
        InputError: the shape does not fit.
    """
    channels, height, width = shape
    if array.ndim == 1 and not len(array):  # an empty list
        array = array.reshape(0, *shape)
    for layout in [shape, (height, width, channels), *([(height, width)] if channels == 1 else [])]:
        if array.ndim - len(layout) in (0, 1) and array.shape[-len(layout) :] == layout:
            batch = array[None] if array.ndim == len(layout) else array
            if len(layout) == 2:
                if array.ndim == 3 and len(array) == 3:
                    raise InputError(
                        f"images of shape {array.shape} are 3 gray images or a color image",
                        hint=f"give gray images as (3, 1, {height}, {width}); a Pillow image of color becomes gray",
                    )
                return batch[:, None]
            return batch if layout == shape else batch.transpose(0, 3, 1, 2)
    raise InputError(
        f"images of shape {array.shape} do not fit the model, which takes (N, {channels}, {height}, {width})",
        hint="Pillow images and paths of image files are resized; so is the result of aecli.load_images with "
        "conversion=model.conversion",
    )


def _levels_for(dtype: np.dtype[Any], low: float, high: float, conversion: Conversion) -> Levels:
    """Return the values that become 0 and 255, for values of `dtype` in `low`..`high`.

    Raises:
        InputError: the values are not in the expected range.
    """
    if isinstance(conversion.levels, Levels):
        levels = conversion.levels
        if dtype.kind == "f" and 0 < high <= 1 < levels.white:
            raise InputError(
                f"the images have values up to {high:g}, but {levels.white:,g} is white for the model",
                hint=f"multiply values in 0..1 by {levels.white:g}",
            )
        require_scale_of_one(ValueRange(low, high, dtype.name), levels)
        return levels
    levels = Levels(0, 1) if dtype.kind == "f" else Levels(0, DECLARED_WHITE.get(dtype.name, 255))
    margin = ROUNDING if dtype.kind == "f" else 0
    if low < levels.black - margin or high > levels.white + margin:
        raise InputError(
            f"images of type {dtype} must have values in 0..{levels.white:,g}, not {low:g}..{high:g}",
            hint="scale them, or give uint8 in 0..255",
        )
    return levels
