"""Arrange the axes of an array of images as (N, C, H, W)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError

CHUNK = 1024
MIN_COLOR_SIDE = {1: 8, 3: 8, 4: 16}
"""The smallest height and width at which (H, W, C) is one image of C channels, and not H gray images of width C."""


def channels_first(array: NDArray[Any], where: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the images as (N, C, H, W), C 1 or 3, and notes on how they were read; a memory map remains one.

    The array is (N, H, W), (N, H, W, C) or (N, C, H, W), of bool or real numbers; channels come first if both fit. C
    may be 4 for uint8: transparent images are composited on white. One color image, (H, W, C), is accepted.

    Raises:
        InputError: the shape or type is not that of images.
    """
    if array.dtype.kind not in "buif":
        raise InputError(f"{where}: images must be numbers or bool, not {array.dtype}")
    if array.dtype.itemsize > 8:
        raise InputError(f"{where}: images must have at most 64 bits per value, not {array.dtype}")
    notes: tuple[str, ...] = ()
    if array.ndim == 3 and 0 not in array.shape:
        array, notes = _with_channels(array)
    if array.ndim != 4 or 0 in array.shape:
        raise InputError(
            f"{where}: images must be (N,H,W), (N,H,W,C) or (N,C,H,W), not {array.shape}", hint=_hint(array)
        )
    array = _with_channels_first(array, where)
    if array.shape[1] == 4:
        array, notes = _on_white(array, where), (*notes, "transparent images were placed on white")
    if array.dtype == bool:
        return np.ascontiguousarray(array).view(np.uint8) * np.uint8(255), notes
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return (array if isinstance(array, np.memmap) else np.ascontiguousarray(array)), notes


def _with_channels(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Add the missing axis to three axes: (N, H, W), or one image (H, W, C)."""
    height, width, channels = array.shape
    if min(height, width) >= MIN_COLOR_SIDE.get(channels, height + 1):
        return array[None], (f"an array of shape {array.shape} is read as one image with {channels} channels",)
    if height == 3 and min(width, channels) >= MIN_COLOR_SIDE[4]:
        return array[:, None], (
            f"an array of shape {array.shape} is read as 3 gray images; save one color image as images[None]",
        )
    return array[:, None], ()


def _with_channels_first(array: NDArray[Any], where: str) -> NDArray[Any]:
    for channels in ((1, 3), (4,)):
        if array.shape[1] in channels:
            return array
        if array.shape[3] in channels:
            return array.transpose(0, 3, 1, 2)
    raise InputError(f"{where}: images must have 1 or 3 channels; their shape is {array.shape}")


def _on_white(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Composite (N, 4, H, W) images, red, green, blue and opacity, on white."""
    if array.dtype != np.uint8:
        raise InputError(f"{where}: images with 4 channels must be uint8, not {array.dtype}", hint="save 3 channels")
    images = np.empty((len(array), 3, *array.shape[2:]), np.uint8)
    for start in range(0, len(array), CHUNK):
        chunk = array[start : start + CHUNK].astype(np.uint16)
        opacity = chunk[:, 3:]
        images[start : start + CHUNK] = (chunk[:, :3] * opacity + 255 * (255 - opacity) + 127) // 255
    return images


def _hint(array: NDArray[Any]) -> str | None:
    if array.ndim != 2:
        return None
    side = round(array.shape[1] ** 0.5)
    if side * side == array.shape[1] and side > 1:
        return f"save one image as images[None], flattened images as images.reshape(-1, {side}, {side})"
    return "save one image as images[None]"
