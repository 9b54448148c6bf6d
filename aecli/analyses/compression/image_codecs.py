"""What other ways to keep images take, and what they give back: real bytes of real encoders."""

import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.runtime.threads import map_ordered

JPEG_QUALITIES = (10, 30, 50, 75, 90)
WEBP_QUALITIES = (10, 50, 75, 90)
WEBP: dict[str, Any] = {"format": "WEBP", "method": 4}


@dataclass(frozen=True)
class Kept:
    """A set of images as some encoder keeps it."""

    method: str
    family: str
    bytes: int
    restored: NDArray[np.uint8]
    """(N, C, H, W), what is read back."""


Encoder = Callable[[NDArray[np.uint8]], Kept]
"""(N, C, H, W) uint8 images -> what is kept of them."""


def encoders() -> list[Encoder]:
    """Return every way: a file for each image, or one stream of all."""
    ways: list[Encoder] = [
        partial(_as_files, method="PNG", family="PNG", how={"format": "PNG", "optimize": True}),
        partial(_as_files, method="WebP lossless", family="WebP lossless", how=WEBP | {"lossless": True}),
    ]
    for quality in JPEG_QUALITIES:
        how = {"format": "JPEG", "quality": quality, "optimize": True}
        ways.append(partial(_as_files, method=f"JPEG {quality}", family="JPEG", how=how))
    for quality in WEBP_QUALITIES:
        ways.append(partial(_as_files, method=f"WebP {quality}", family="WebP", how=WEBP | {"quality": quality}))
    ways.append(partial(_as_stream, method="zlib, one stream", compress=partial(zlib.compress, level=9)))
    ways.append(partial(_as_stream, method="LZMA, one stream", compress=lzma.compress))
    return ways


def _as_files(images: NDArray[np.uint8], method: str, family: str, how: dict[str, Any]) -> Kept:
    def through(image: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
        content = BytesIO()
        _picture(image).save(content, **how)
        with Image.open(content) as again:
            pixels = np.asarray(again.convert("L" if len(image) == 1 else "RGB"))
        return content.getbuffer().nbytes, pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    restored = np.empty_like(images)
    total = 0
    for index, (size, pixels) in enumerate(map_ordered(through, images)):
        restored[index] = pixels
        total += size
    return Kept(method, family, total, restored)


def _as_stream(images: NDArray[np.uint8], method: str, compress: Callable[[bytes], bytes]) -> Kept:
    return Kept(method, "one stream", len(compress(np.ascontiguousarray(images).tobytes())), images)


def _picture(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
