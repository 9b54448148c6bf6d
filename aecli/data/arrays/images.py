"""Arrange the axes of an array of images as (N, C, H, W)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.limits import require_memory

AnyArray = NDArray[Any]
CHUNK = 256
MIN_COLOR_SIDE = {1: 2, 3: 4, 4: 16}
"""The smallest height and width at which (H, W, C) is one image of C channels, and not H gray images of width C."""


def channels_first(array: AnyArray, where: str, count: int | None = None) -> tuple[AnyArray, tuple[str, ...]]:
    """Return the images as (N, C, H, W), C 1 or 3, and notes on how they were read; a memory map remains one.

    The array is (N, H, W), (N, H, W, C) or (N, C, H, W), of bool or real numbers; channels come first if both fit. A
    fourth channel is opacity: the images are composited on white. One color image, (H, W, C), is accepted, unless
    `count`, the number of labels, shows that it is H gray images. Errors begin with `where`.

    Raises:
        InputError: the shape or type is not that of images.
        UnavailableError: there is not enough memory.
    """
    if array.dtype.kind not in "buif":
        raise InputError(f"{where} must be numbers or bool, not {array.dtype}", hint=_hint_on_type(array))
    if array.dtype.itemsize > 8:
        raise InputError(f"{where} must have at most 64 bits per value, not {array.dtype}")
    if 0 in array.shape:
        raise InputError(f"{where} hold no image: their shape is {array.shape}")
    notes: tuple[str, ...] = ()
    if array.ndim == 3:
        array, notes = _with_channels(array, count)
    if array.ndim != 4:
        raise InputError(
            f"{where} must be (N,H,W), (N,H,W,C) or (N,C,H,W), not {array.shape}", hint=_hint_on_axes(array)
        )
    array = _with_channels_first(array, where)
    if array.dtype == bool:
        array = np.ascontiguousarray(array).view(np.uint8) * np.uint8(255)
    if array.shape[1] == 4:
        array = _without_opacity(array, where)
        notes = (*notes, "the fourth channel is read as opacity: images are composited on white")
    return (array if isinstance(array, np.memmap) else np.ascontiguousarray(array)), notes


def _with_channels(array: AnyArray, count: int | None) -> tuple[AnyArray, tuple[str, ...]]:
    """Add the missing axis to three axes: (N, H, W), or one image (H, W, C)."""
    first, second, last = array.shape
    has_color_size = min(first, second) >= MIN_COLOR_SIDE.get(last, max(first, second) + 1)
    if count == 1 < first or (has_color_size and count != first):
        note = f"an array of shape {array.shape} is read as one image of {second}x{first} pixels"
        return array[None], (f"{note}; save {first} gray images as images[:, None]",)
    looks_like_color = last in (3, 4) or (first == 3 and min(second, last) >= MIN_COLOR_SIDE[4])
    if looks_like_color and count is None:
        note = f"an array of shape {array.shape} is read as {first} gray images of {last}x{second} pixels"
        return array[:, None], (f"{note}; save one color image as images[None]",)
    return array[:, None], ()


def _with_channels_first(array: AnyArray, where: str) -> AnyArray:
    for channels in ((1, 3), (4,)):
        if array.shape[1] in channels:
            return array
        if array.shape[3] in channels:
            return array.transpose(0, 3, 1, 2)
    raise InputError(f"{where} must have 1 or 3 channels; their shape is {array.shape}")


def _without_opacity(array: AnyArray, where: str) -> AnyArray:
    """Composite (N, 4, H, W) images, red, green, blue and opacity, on white.

    Opaque images may be of any type: all opacities are equal, and at least as large as any color.
    """
    color, opacity = array[:, :3], array[:, 3:]
    if array.dtype != np.uint8:
        opaque = opacity.max()
        if opacity.min() == opaque > 0 and color.max() <= opaque:
            return color
        if array.dtype.kind != "f" or not (array.min() >= 0 and array.max() <= 1):
            raise InputError(
                f"{where} with 4 channels must be uint8 or floats in 0..1, not {array.dtype}",
                hint="save 3 channels, such as images[..., :3]",
            )
    require_memory(color.nbytes, f"{where} on a white background", "save 3 channels, such as images[..., :3]")
    images = np.empty(color.shape, array.dtype)
    for start in range(0, len(array), CHUNK):
        chunk = slice(start, start + CHUNK)
        if array.dtype == np.uint8:
            levels, weights = color[chunk].astype(np.uint16), opacity[chunk].astype(np.uint16)
            images[chunk] = (levels * weights + 255 * (255 - weights) + 127) // 255
        else:
            images[chunk] = color[chunk] * opacity[chunk] + (1 - opacity[chunk])
    return images


def _hint_on_type(array: AnyArray) -> str | None:
    return "save the magnitudes, numpy.abs(images)" if array.dtype.kind == "c" else None


def _hint_on_axes(array: AnyArray) -> str | None:
    if array.ndim > 4:
        return "join the leading axes, such as images.reshape(-1, *images.shape[-3:])"
    if array.ndim != 2:
        return None
    side = round(array.shape[1] ** 0.5)
    if side * side == array.shape[1] and side > 1:
        return f"save one image as images[None], flattened images as images.reshape(-1, {side}, {side})"
    return "save one image as images[None]"
