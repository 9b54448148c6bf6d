"""Convert images to a requested number of channels and size."""

from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion, Resize
from aecli.data.shapes import FullShape, complete, size_text
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered
from aecli.storage.limits import require_memory

if TYPE_CHECKING:
    from PIL.Image import Image

CHUNK = 256
Pixel = TypeVar("Pixel", bound=np.generic)
Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""


def fit(images: NDArray[np.uint8], conversion: Conversion, progress: Progress) -> NDArray[np.uint8]:
    """Convert (N, C, H, W) uint8 images to the requested shape.

    Images that have the requested shape already are returned without a copy.

    Raises:
        UnavailableError: there is not enough memory.
    """
    native = (images.shape[1], images.shape[2], images.shape[3])
    target = complete(conversion.shape, native)
    if target == native:
        return images
    needed = len(images) * prod(target)
    require_memory(
        needed,
        f"{counted(len(images), 'image')} of {size_text(target[1:])} pixels",
        "use smaller images: --image-size 64",
    )
    fitted = np.empty((len(images), *target), np.uint8)

    def fit_chunk(start: int) -> int:
        chunk = to_channels(images[start : start + CHUNK], target[0])
        if native[1:] == target[1:]:
            fitted[start : start + CHUNK] = chunk
        else:
            for index, pixels in enumerate(chunk, start):
                fitted[index] = to_pixels(resized(to_pil(pixels), target[1:], conversion.resize))
        return start + len(chunk)

    for done in map_ordered(fit_chunk, range(0, len(images), CHUNK)):
        progress("resizing images", done, len(images))
    return fitted


def inner_sizes(
    images: NDArray[np.uint8], fitted: NDArray[np.uint8], conversion: Conversion
) -> NDArray[np.int64] | None:
    """Return the height and width without padding of images that `fit` converted, (N, 2); None without padding."""
    if conversion.resize != "pad":
        return None
    inner = inner_size((images.shape[2], images.shape[3]), (fitted.shape[2], fitted.shape[3]))
    return np.tile(np.array(inner, np.int64), (len(images), 1))


def fit_image(pixels: NDArray[np.uint8], conversion: Conversion) -> tuple[NDArray[np.uint8], FullShape]:
    """Convert (C, H, W) uint8 pixels to the requested shape; return them and their own (C, H, W)."""
    native = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    target = complete(conversion.shape, native)
    pixels = to_channels(pixels[None], target[0])[0]
    if native[1:] != target[1:]:
        pixels = to_pixels(resized(to_pil(pixels), target[1:], conversion.resize))
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


def resized(
    image: "Image",
    size: tuple[int, int],
    resize: Resize = "stretch",
    box: Box | None = None,
    *,
    nearest: bool = False,
) -> "Image":
    """Resize a Pillow image to `size`, (H, W), by antialiased bilinear interpolation, or to the `nearest` pixels.

    Only the (left, top, right, bottom) `box` of the image is used; None uses all of it.
    """
    return padded(resized_to_fit(image, size, resize, box, nearest=nearest), size)


def resized_to_fit(
    image: "Image",
    size: tuple[int, int],
    resize: Resize = "stretch",
    box: Box | None = None,
    *,
    nearest: bool = False,
) -> "Image":
    """Resize a Pillow image as `resized` does, but leave out the bars of `pad`: the result may be smaller."""
    from PIL import Image

    height, width = size
    left, top, right, bottom = box or (0, 0, *image.size)
    own_width, own_height = right - left, bottom - top
    across, down = width / own_width, height / own_height
    if resize == "crop":
        scale = max(across, down)
        margin_x, margin_y = (own_width - width / scale) / 2, (own_height - height / scale) / 2
        left, top = max(left, left + margin_x), max(top, top + margin_y)
        right, bottom = min(right, right - margin_x), min(bottom, bottom - margin_y)
    elif resize == "pad":
        height, width = inner_size((own_height, own_width), size)
    if (left, top, right, bottom) == (0, 0, width, height) and image.size == (width, height):
        return image
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    return image.resize((width, height), method, box=(left, top, right, bottom))


def inner_size(own: tuple[float, float], size: tuple[int, int]) -> tuple[int, int]:
    """Return the (H, W) that an image of its `own` (H, W) has between its bars if it is padded to `size`, (H, W)."""
    scale = min(new / side for new, side in zip(size, own, strict=True))
    return max(1, round(own[0] * scale)), max(1, round(own[1] * scale))


def middle(pixels: NDArray[Pixel], inner: tuple[int, int]) -> NDArray[Pixel]:
    """Return the part of (H, W) pixels between the bars, where `padded` puts an image of `inner`, (h, w); a view."""
    top, left = ((side - part) // 2 for side, part in zip(pixels.shape, inner, strict=True))
    return pixels[top : top + inner[0], left : left + inner[1]]


def padded(image: "Image", size: tuple[int, int]) -> "Image":
    """Put a Pillow image into the middle of a black one of `size`, (H, W).

    Of an odd margin, the smaller half is left or above.
    """
    from PIL import Image

    height, width = size
    if image.size == (width, height):
        return image
    black = Image.new(image.mode, (width, height))
    black.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return black
