"""What codes save: their real bytes and errors beside those of other ways to keep the same images."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.code_codecs import Codec, fit_pca
from aecli.analyses.compression.image_codecs import encoders
from aecli.analyses.compression.image_quality import ImageQuality, image_quality
from aecli.codes import BITS
from aecli.codes.quantizer import QUANTIZED_BITS
from aecli.runtime.progress import Progress, silent

PCA_BITS = (32, 8, 4, 2)
EXAMPLES = 10
SHOWN = ("codes, float32", "codes, 4 bits", "codes, 2 bits", "PCA, 4 bits", "JPEG 10", "WebP 10")
"""The methods whose example images are kept."""


@dataclass(frozen=True)
class Row:
    """One way to keep the images."""

    method: str
    family: str
    bytes: int
    """That all images take, without what the decoder takes."""
    decoder_bytes: int
    """That the decoder takes, once: the weights that decoding needs; 0 where every computer has it."""
    quality: ImageQuality
    images: int
    pixels: int
    """Of one image: H * W."""
    raw_bytes: int
    """Of all images as 8-bit pixels."""

    @property
    def bytes_per_image(self) -> float:
        """Without the decoder."""
        return self.bytes / self.images

    @property
    def bits_per_pixel(self) -> float:
        """Without the decoder; of a pixel with all its channels."""
        return 8 * self.bytes / (self.images * self.pixels)

    @property
    def ratio(self) -> float:
        """Raw bytes to these, without the decoder."""
        return self.raw_bytes / self.bytes if self.bytes else float("inf")

    @property
    def ratio_with_decoder(self) -> float:
        """Raw bytes to these and the decoder's."""
        return self.raw_bytes / (self.bytes + self.decoder_bytes) if self.bytes else float("inf")

    @property
    def saved_percent(self) -> float:
        """Of the raw bytes, without the decoder; negative where more are taken."""
        return 100 * (1 - self.bytes / self.raw_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values; an infinite PSNR is None."""
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
    """All rows, and some images as the methods give them back."""

    rows: tuple[Row, ...]
    examples: dict[str, NDArray[np.uint8]]
    """By method, (K, C, H, W) uint8; `original` first."""


def compress(
    images: NDArray[np.uint8], model: Codec, training_images: NDArray[np.uint8], progress: Progress = silent
) -> CompressionReport:
    """Keep the images in every way there is, and measure bytes and errors.

    Every size is that of bytes that were made and read back.

    Args:
        images: (N, C, H, W) uint8, in the order of the model's codes.
        model: the autoencoder.
        training_images: (M, C, H, W) uint8, to fit a PCA of as many dimensions as the code on.
        progress: told of each way.
    """
    pca = fit_pca(training_images, images, model.codes)
    stored = [
        (codec, bits, entropy)
        for codec, plain_bits in ((model, BITS), (pca, PCA_BITS))
        for entropy in (False, True)
        for bits in plain_bits
        if not entropy or bits in QUANTIZED_BITS
    ]
    ways = encoders()
    chosen = np.linspace(0, len(images) - 1, min(EXAMPLES, len(images))).round().astype(np.int64)
    rows = [_row("8-bit pixels", "pixels", images.nbytes, 0, images, images)]
    examples = {"original": images[chosen]}
    for index in range(len(stored) + len(ways)):
        progress("compressing", index, len(stored) + len(ways))
        if index < len(stored):
            codec, bits, entropy = stored[index]
            kept, decoder_bytes = codec.kept(bits, entropy=entropy), codec.decoder_bytes
        else:
            kept, decoder_bytes = ways[index - len(stored)](images), 0
        rows.append(_row(kept.method, kept.family, kept.bytes, decoder_bytes, images, kept.restored))
        if kept.method in SHOWN:
            examples[kept.method] = kept.restored[chosen]
    return CompressionReport(tuple(rows), examples)


def _row(
    method: str,
    family: str,
    size: int,
    decoder_bytes: int,
    images: NDArray[np.uint8],
    restored: NDArray[np.uint8],
) -> Row:
    pixels = int(np.prod(images.shape[2:]))
    return Row(method, family, size, decoder_bytes, image_quality(images, restored), len(images), pixels, images.nbytes)
