"""Image formats and general compression, compared by the bytes that real encoders write."""

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
class CompressedImages:
    """The result of compressing a set of images with one method."""

    method: str
    family: str
    """The methods of a family are one curve of the plot."""
    bytes: int
    restored: NDArray[np.uint8]
    """(N, C, H, W), decoded from the compressed bytes."""


ImageCodec = Callable[[NDArray[np.uint8]], CompressedImages]
"""(N, C, H, W) uint8 images -> the compressed images."""


def image_codecs() -> list[ImageCodec]:
    """Return all methods: formats with one file per image, and general compression of all pixels as one stream."""
    codecs: list[ImageCodec] = [
        partial(_as_files, method="PNG", family="PNG", save_options={"format": "PNG", "optimize": True}),
        partial(_as_files, method="WebP lossless", family="WebP lossless", save_options=WEBP | {"lossless": True}),
    ]
    for quality in JPEG_QUALITIES:
        save_options = {"format": "JPEG", "quality": quality, "optimize": True}
        codecs.append(partial(_as_files, method=f"JPEG {quality}", family="JPEG", save_options=save_options))
    for quality in WEBP_QUALITIES:
        save_options = WEBP | {"quality": quality}
        codecs.append(partial(_as_files, method=f"WebP {quality}", family="WebP", save_options=save_options))
    codecs.append(partial(_as_stream, method="zlib, one stream", compress=partial(zlib.compress, level=9)))
    codecs.append(partial(_as_stream, method="LZMA, one stream", compress=lzma.compress))
    return codecs


def _as_files(images: NDArray[np.uint8], method: str, family: str, save_options: dict[str, Any]) -> CompressedImages:
    def compress(image: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
        content = BytesIO()
        _pil_image(image).save(content, **save_options)
        with Image.open(content) as decoded:
            pixels = np.asarray(decoded.convert("L" if len(image) == 1 else "RGB"))
        return content.getbuffer().nbytes, pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    restored = np.empty_like(images)
    total = 0
    for index, (size, pixels) in enumerate(map_ordered(compress, images)):
        restored[index] = pixels
        total += size
    return CompressedImages(method, family, total, restored)


def _as_stream(images: NDArray[np.uint8], method: str, compress: Callable[[bytes], bytes]) -> CompressedImages:
    size = len(compress(np.ascontiguousarray(images).tobytes()))
    return CompressedImages(method, "one stream", size, images)


def _pil_image(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
