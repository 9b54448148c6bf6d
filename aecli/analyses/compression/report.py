"""Size and quality of codes, compared with other methods to compress the same images."""

from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.code_codecs import Codec, fit_pca
from aecli.analyses.compression.image_codecs import CompressedImages, image_codecs
from aecli.analyses.compression.image_quality import ImageQuality, image_quality
from aecli.codes import BITS
from aecli.codes.quantizer import QUANTIZED_BITS
from aecli.runtime.progress import Progress, silent

PCA_BITS = (32, 8, 4, 2)
EXAMPLES = 10
EXAMPLE_METHODS = ("codes, float32", "codes, 4 bits", "codes, 2 bits", "PCA, 4 bits", "JPEG 10", "WebP 10")
"""The methods whose example images are part of the report."""


@dataclass(frozen=True)
class Row:
    """Size and quality of one compression method."""

    method: str
    family: str
    bytes: int
    """Compressed size of all images, without the decoder."""
    decoder_bytes: int
    """Size of the decoder, which is needed once: the weights of the model; 0 for standard formats."""
    quality: ImageQuality
    images: int
    pixels: int
    """Pixels per image: H * W."""
    raw_bytes: int
    """Size of all images as 8-bit pixels."""

    @property
    def bytes_per_image(self) -> float:
        """Without the decoder."""
        return self.bytes / self.images

    @property
    def bits_per_pixel(self) -> float:
        """Without the decoder; all channels of a pixel together."""
        return 8 * self.bytes / (self.images * self.pixels)

    @property
    def ratio(self) -> float:
        """Compression ratio: raw bytes divided by compressed bytes, without the decoder."""
        return self.raw_bytes / self.bytes if self.bytes else float("inf")

    @property
    def ratio_with_decoder(self) -> float:
        """Compression ratio including the decoder."""
        return self.raw_bytes / (self.bytes + self.decoder_bytes) if self.bytes else float("inf")

    @property
    def saved_percent(self) -> float:
        """Percentage of the raw bytes that is saved, without the decoder; negative if the result is larger."""
        return 100 * (1 - self.bytes / self.raw_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return all metrics as plain values; an infinite PSNR is None."""
        return {
            "method": self.method,
            "family": self.family,
            "bytes": self.bytes,
            "decoder_bytes": self.decoder_bytes,
            "bytes_per_image": self.bytes_per_image,
            "bits_per_pixel": self.bits_per_pixel,
            "saved_percent": self.saved_percent,
            "ratio": self.ratio,
            "ratio_with_decoder": self.ratio_with_decoder,
            "mse": self.quality.mse,
            "psnr": self.quality.psnr if isfinite(self.quality.psnr) else None,
            "ssim": self.quality.ssim,
        }


@dataclass(frozen=True)
class CompressionReport:
    """Size and quality of all methods, and some images as they restore them."""

    rows: tuple[Row, ...]
    examples: dict[str, NDArray[np.uint8]]
    """(K, C, H, W) by method; `original` first."""


def compress(
    images: NDArray[np.uint8], model: Codec, training_images: NDArray[np.uint8], progress: Progress = silent
) -> CompressionReport:
    """Compress the images with all methods, decompress them, and measure size and quality.

    Args:
        images: (N, C, H, W) uint8, in the order of the model's codes.
        model: The autoencoder.
        training_images: (M, C, H, W) uint8, on which a PCA with as many dimensions as the code is fitted.
        progress: Reports each method.
    """
    pca = fit_pca(training_images, images, model.codes)
    methods = [
        (partial(codec.compress, bits, entropy=entropy), codec.decoder_bytes)
        for codec, all_bits in ((model, BITS), (pca, PCA_BITS))
        for entropy in (False, True)
        for bits in all_bits
        if not entropy or bits in QUANTIZED_BITS
    ]
    methods += [(partial(codec, images), 0) for codec in image_codecs()]
    chosen = np.linspace(0, len(images) - 1, min(EXAMPLES, len(images))).round().astype(np.int64)
    raw = CompressedImages("8-bit pixels", "pixels", images.nbytes, images)
    rows = [_row(raw, 0, images)]
    examples = {"original": images[chosen]}
    for done, (method, decoder_bytes) in enumerate(methods):
        progress("compressing", done, len(methods))
        compressed = method()
        rows.append(_row(compressed, decoder_bytes, images))
        if compressed.method in EXAMPLE_METHODS:
            examples[compressed.method] = compressed.restored[chosen]
    return CompressionReport(tuple(rows), examples)


def _row(compressed: CompressedImages, decoder_bytes: int, images: NDArray[np.uint8]) -> Row:
    return Row(
        method=compressed.method,
        family=compressed.family,
        bytes=compressed.bytes,
        decoder_bytes=decoder_bytes,
        quality=image_quality(images, compressed.restored),
        images=len(images),
        pixels=int(np.prod(images.shape[2:])),
        raw_bytes=images.nbytes,
    )
