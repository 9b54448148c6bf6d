"""Image formats and general compression, compared by the bytes that real encoders write."""

import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from aecli.analyses.compression.blocks import Block
from aecli.runtime.allocator import keep_freed_memory
from aecli.runtime.optional_packages import is_installed
from aecli.runtime.pillow_internals import prepare_decoders

JPEG_QUALITIES = (2, 5, 10, 20, 30, 50, 75, 90, 97)
WEBP_QUALITIES = (0, 5, 10, 25, 50, 75, 90, 98)
AVIF_QUALITIES = (5, 20, 35, 50, 65, 80, 95)
JPEG_FULL_CHROMA_QUALITIES = (50, 75, 90, 97)
AVIF_FULL_CHROMA_QUALITIES = (50, 65, 80, 95)
"""Settings of color images with chroma at full resolution. The default, 4:2:0, limits PSNR and SSIM of saturated
colors, as these are measured in RGB."""
JPEG_2000_DECIBELS = (22, 26, 30, 34, 38, 42, 46, 50)
JPEG_XL_QUALITIES = (10, 35, 60, 80, 90, 95, 99)
JPEG_XL_EFFORT = 7
JPEG: dict[str, Any] = {"format": "JPEG", "optimize": True}
WEBP: dict[str, Any] = {"format": "WEBP", "method": 6}
AVIF: dict[str, Any] = {"format": "AVIF", "speed": 6, "max_threads": 1}
"""One thread, so that the bytes do not depend on the machine."""
JPEG_2000: dict[str, Any] = {"format": "JPEG2000", "quality_mode": "dB", "irreversible": True, "no_jp2": True}
FLAT_LEVEL = 128
"""The gray level of the image whose file is counted as the header of a format."""

Encode = Callable[[NDArray[np.uint8]], bytes]
"""(H, W) or (H, W, 3) uint8 pixels -> a file."""
Decode = Callable[[bytes], "Image.Image | NDArray[np.uint8]"]
"""A file -> an image, or its pixels."""


@dataclass(frozen=True)
class CompressedBlock:
    """The result of compressing images of equal size with one method."""

    bytes: int
    header_bytes: int
    """The part of `bytes` that does not depend on the content of the images."""
    restored: Block
    """(B, C, H, W), decoded from the compressed bytes."""


class CompressionMethod(Protocol):
    """A method that compresses images block by block."""

    @property
    def method(self) -> str:
        """The name of the method with its setting."""

    @property
    def family(self) -> str:
        """The name of the method; the settings of a family are one curve of the plot."""

    def compress(self, images: Block) -> CompressedBlock:
        """Compress a block of images.

        Raises:
            OSError: the format does not take such images, or its encoder fails; also ValueError and RuntimeError.
        """

    def finish(self) -> int:
        """Return the bytes that the method writes after the last image."""


@dataclass(frozen=True)
class FileFormat:
    """A format with one file for each image. The file of a flat image of the same size counts as the header."""

    method: str
    family: str
    encode: Encode
    decode: Decode
    _headers: dict[tuple[int, ...], int] = field(default_factory=dict)
    """Bytes of the file of a flat image, by its shape."""

    def compress(self, images: Block) -> CompressedBlock:
        """Compress a block of images."""
        restored = np.empty_like(images)
        total = 0
        for image, result in zip(images, restored, strict=True):
            file = self.encode(_pixels(image))
            decoded = self.decode(file)
            if isinstance(decoded, Image.Image):
                decoded = np.asarray(decoded.convert("L" if len(image) == 1 else "RGB"))
            result[:] = decoded[None] if decoded.ndim == 2 else decoded.transpose(2, 0, 1)
            total += len(file)
        return CompressedBlock(total, len(images) * self._header_bytes(images.shape[1:]), restored)

    def finish(self) -> int:
        """Return 0: all files are complete."""
        return 0

    def _header_bytes(self, shape: tuple[int, ...]) -> int:
        if shape not in self._headers:
            self._headers[shape] = len(self.encode(_pixels(np.full(shape, FLAT_LEVEL, np.uint8))))
        return self._headers[shape]


class Compressor(Protocol):
    """What `zlib.compressobj` and `lzma.LZMACompressor` have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the next bytes of the stream."""

    def flush(self) -> bytes:
        """Return the last bytes of the stream."""


@dataclass(frozen=True)
class Stream:
    """General compression of the pixels of all images as one stream."""

    method: str
    compressor: Compressor
    family: str = "one stream"

    def compress(self, images: Block) -> CompressedBlock:
        """Compress a block of images."""
        return CompressedBlock(len(self.compressor.compress(images.tobytes())), 0, images)

    def finish(self) -> int:
        """Return the bytes at the end of the stream."""
        return len(self.compressor.flush())


def image_codecs(channels: int) -> list[CompressionMethod]:
    """Return all methods: formats with one file per image, and general compression of all pixels as one stream.

    AVIF is there if Pillow has it, and JPEG XL if imagecodecs or pillow-jxl-plugin is installed. Images of 3 `channels`
    are stored as JPEG and AVIF with chroma of half the resolution, and at some qualities of the full one.
    """
    is_color = channels == 3
    prepare_decoders()
    keep_freed_memory()  # libjxl allocates megabytes for each image; mapping them again takes most of its time
    codecs: list[CompressionMethod] = [
        _pillow("PNG", "PNG", {"format": "PNG", "optimize": True}),
        _pillow("WebP lossless", "WebP lossless", WEBP | {"lossless": True}),
    ]
    for quality in JPEG_QUALITIES:
        codecs.append(_pillow(f"JPEG {quality}", "JPEG", JPEG | {"quality": quality}))
    for quality in JPEG_FULL_CHROMA_QUALITIES if is_color else ():
        codecs.append(_pillow(f"JPEG {quality} 4:4:4", "JPEG", JPEG | {"quality": quality, "subsampling": "4:4:4"}))
    for quality in WEBP_QUALITIES:
        codecs.append(_pillow(f"WebP {quality}", "WebP", WEBP | {"quality": quality}))
    if features.check("avif"):
        subsampling = "4:2:0" if is_color else "4:0:0"
        for quality in AVIF_QUALITIES:
            codecs.append(_pillow(f"AVIF {quality}", "AVIF", AVIF | {"quality": quality, "subsampling": subsampling}))
        for quality in AVIF_FULL_CHROMA_QUALITIES if is_color else ():
            codecs.append(_pillow(f"AVIF {quality} 4:4:4", "AVIF", AVIF | {"quality": quality, "subsampling": "4:4:4"}))
    if features.check("jpg_2000"):
        for decibels in JPEG_2000_DECIBELS:
            options = JPEG_2000 | {"quality_layers": [decibels]}
            codecs.append(_pillow(f"JPEG 2000 {decibels} dB", "JPEG 2000", options))
    codecs += _jpeg_xl()
    codecs.append(Stream("zlib, one stream", zlib.compressobj(9)))
    codecs.append(Stream("LZMA, one stream", lzma.LZMACompressor()))
    return codecs


def _jpeg_xl() -> list[CompressionMethod]:
    encode: Callable[[int, NDArray[np.uint8]], bytes]
    decode: Decode
    if is_installed("imagecodecs"):
        encode, decode = _encode_by_imagecodecs, _decode_by_imagecodecs
    elif is_installed("pillow_jxl"):
        encode, decode = _encode_by_plugin, _decode_by_plugin
    else:
        return []
    return [
        FileFormat(f"JPEG XL {quality}", "JPEG XL", partial(encode, quality), decode) for quality in JPEG_XL_QUALITIES
    ]


def _pillow(method: str, family: str, options: dict[str, Any]) -> FileFormat:
    return FileFormat(method, family, partial(_encode_pillow, options), _decode_pillow)


def _encode_pillow(options: dict[str, Any], pixels: NDArray[np.uint8]) -> bytes:
    content = BytesIO()
    Image.fromarray(pixels).save(content, **options)
    return content.getvalue()


def _decode_pillow(file: bytes) -> Image.Image:
    image = Image.open(BytesIO(file))
    image.load()
    return image


def _encode_by_imagecodecs(quality: int, pixels: NDArray[np.uint8]) -> bytes:
    imagecodecs = import_module("imagecodecs")
    # libjxl's JxlEncoderDistanceFromQuality
    distance = 0.1 + (100 - quality) * 0.09 if quality >= 30 else 53 / 3000 * quality**2 - 1.15 * quality + 25
    return bytes(imagecodecs.jpegxl_encode(pixels, distance=distance, effort=JPEG_XL_EFFORT, numthreads=1))


def _decode_by_imagecodecs(file: bytes) -> NDArray[np.uint8]:
    decoded: NDArray[np.uint8] = import_module("imagecodecs").jpegxl_decode(file, numthreads=1)
    return decoded


def _encode_by_plugin(quality: int, pixels: NDArray[np.uint8]) -> bytes:
    import_module("pillow_jxl")  # registers the format
    return _encode_pillow({"format": "JXL", "quality": quality, "effort": JPEG_XL_EFFORT, "num_threads": 1}, pixels)


def _decode_by_plugin(file: bytes) -> Image.Image:
    import_module("pillow_jxl")
    return _decode_pillow(file)


def _pixels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a (C, H, W) image as (H, W) if gray, (H, W, 3) if color."""
    return np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
