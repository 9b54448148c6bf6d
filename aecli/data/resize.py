"""Convert images to a requested number of channels and size."""

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.shapes import FullShape, Shape, complete, size_text
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered
from aecli.storage.limits import require_memory

if TYPE_CHECKING:
    from PIL.Image import Image

CHUNK = 256


def fit(images: NDArray[np.uint8], wanted: Shape, progress: Progress) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Convert (N, C, H, W) uint8 images to the `wanted` (C, H, W); return them and notes on the conversions.

    Images that have the wanted shape already are returned without a copy.

    Raises:
        UnavailableError: there is not enough memory.
    """
    native = (images.shape[1], images.shape[2], images.shape[3])
    target = complete(wanted, native)
    if target == native:
        return images, ()
    needed = len(images) * prod(target)
    require_memory(
        needed,
        f"{_images(len(images))} of {size_text(target[1:])} pixels",
        "use smaller images: --set model.image_size=64",
    )
    fitted = np.empty((len(images), *target), np.uint8)

    def fit_chunk(start: int) -> int:
        chunk = to_channels(images[start : start + CHUNK], target[0])
        if native[1:] == target[1:]:
            fitted[start : start + CHUNK] = chunk
        else:
            for index, pixels in enumerate(chunk, start):
                fitted[index] = to_pixels(resized(to_pil(pixels), target[1:]))
        return start + len(chunk)

    for done in map_ordered(fit_chunk, range(0, len(images), CHUNK)):
        progress("resizing images", done, len(images))
    return fitted, conversion_notes(Counter({native: len(images)}), target)


def fit_image(pixels: NDArray[np.uint8], image_shape: FullShape) -> tuple[NDArray[np.uint8], FullShape]:
    """Convert (C, H, W) uint8 pixels to `image_shape`; return them and their own (C, H, W)."""
    native = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    pixels = to_channels(pixels[None], image_shape[0])[0]
    if native[1:] != image_shape[1:]:
        pixels = to_pixels(resized(to_pil(pixels), image_shape[1:]))
    return pixels, native


def to_channels(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Convert (N, C, H, W) uint8 images, C 1 or 3, to 1 or 3 `channels`.

    Color becomes gray by ITU-R 601 luma, rounded as in Pillow; gray becomes color by repeating the channel.
    """
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=1)
    red, green, blue = (images[:, channel : channel + 1].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def to_pil(pixels: NDArray[np.uint8]) -> "Image":
    """Convert (C, H, W) uint8 pixels, C 1 or 3, to a Pillow image of mode L or RGB."""
    from PIL import Image

    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def to_pixels(image: "Image") -> NDArray[np.uint8]:
    """Convert a Pillow image of mode L or RGB to (C, H, W) uint8 pixels."""
    pixels: NDArray[np.uint8] = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def resized(image: "Image", size: tuple[int, int]) -> "Image":
    """Resize a Pillow image to `size`, (H, W), by antialiased bilinear interpolation; the aspect ratio may change."""
    from PIL import Image

    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def conversion_notes(native: Counter[FullShape], target: FullShape) -> tuple[str, ...]:
    """Describe how many images of the `native` (C, H, W) shapes were converted to `target`; () if none was."""
    notes = []
    recolored = sum(count for shape, count in native.items() if shape[0] != target[0])
    if recolored:
        change = "color to gray by luma" if target[0] == 1 else "gray to color by repeating the channel"
        notes.append(f"{_images(recolored)} converted from {change}")
    sizes = Counter[tuple[int, int]]()
    for (_, *size), count in native.items():
        if tuple(size) != target[1:]:
            sizes[size[0], size[1]] += count
    if sizes:
        smallest, largest = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
        origin = (
            size_text(smallest)
            if len(sizes) == 1
            else f"{len(sizes):,} sizes ({size_text(smallest)} to {size_text(largest)})"
        )
        notes.append(f"{_images(sizes.total())} resized from {origin} to {size_text(target[1:])} pixels")
    return tuple(notes)


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
