"""What other ways to keep images take, and what they give back: real bytes of real encoders."""

import lzma
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG_QUALITIES = (10, 30, 50, 75, 90)
WEBP_QUALITIES = (10, 50, 75, 90)


@dataclass(frozen=True)
class Kept:
    """A set of images as some encoder keeps it."""

    method: str
    family: str
    bytes: int
    restored: NDArray[np.uint8]
    """(N, C, H, W), what is read back."""


def encoders() -> dict[str, Callable[[NDArray[np.uint8]], Kept]]:
    """Return the ways, by name: each takes (N, C, H, W) uint8 images."""
    files: list[tuple[str, str, dict[str, Any]]] = [
        ("PNG", "PNG", {"format": "PNG", "optimize": True}),
        ("WebP lossless", "WebP lossless", {"format": "WEBP", "lossless": True, "quality": 100, "method": 4}),
    ]
    files += [(f"JPEG {q}", "JPEG", {"format": "JPEG", "quality": q, "optimize": True}) for q in JPEG_QUALITIES]
    files += [(f"WebP {q}", "WebP", {"format": "WEBP", "quality": q, "method": 4}) for q in WEBP_QUALITIES]
    ways: dict[str, Callable[[NDArray[np.uint8]], Kept]] = {
        method: lambda images, method=method, family=family, how=how: _as_files(images, method, family, how)  # type: ignore[misc]
        for method, family, how in files
    }
    ways["zlib, one stream"] = lambda images: _as_stream(images, "zlib, one stream", lambda raw: zlib.compress(raw, 9))
    ways["LZMA, one stream"] = lambda images: _as_stream(images, "LZMA, one stream", lzma.compress)
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
    with ThreadPoolExecutor() as pool:
        for index, (size, pixels) in enumerate(pool.map(through, _rows(images), chunksize=64)):
            restored[index] = pixels
            total += size
    return Kept(method, family, total, restored)


def _as_stream(images: NDArray[np.uint8], method: str, compress: Callable[[bytes], bytes]) -> Kept:
    return Kept(method, "one stream", len(compress(np.ascontiguousarray(images).tobytes())), images)


def _rows(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    yield from images


def _picture(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
