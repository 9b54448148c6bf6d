"""The bytes that a model needs for an image, beside those of image formats, on a few images."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from aecli import inference
from aecli.analyses.compression.image_codecs import CompressionMethod, image_codecs
from aecli.analyses.compression.report import CompressionReport, compress
from aecli.analyses.sampling import draw_sample
from aecli.checkpoint import ModelRef
from aecli.data import ImageSet
from aecli.inference.codec import load_codec
from aecli.inference.model import Model
from aecli.reports.compression.models import CODEC, CODES, ComparedModel
from aecli.reports.compression.summary import comparison_lines, summary
from aecli.runtime.progress import Progress

FAMILIES = frozenset(["PNG", "WebP lossless", "JPEG", "WebP", "AVIF"])
MOST_IMAGES, MOST_PIXELS, FEWEST_IMAGES = 100, 1 << 19, 8


@dataclass(frozen=True)
class Sizes:
    """Bytes and quality of a model and of image formats."""

    report: CompressionReport
    images: int
    is_codec: bool

    @property
    def model(self) -> str:
        """The family of the model that is compared."""
        return self.report.models[0]

    @property
    def summary(self) -> str:
        """Which method needs the fewest bytes for which quality, and when the model pays off."""
        return summary(self.report)

    @property
    def comparison_lines(self) -> list[str]:
        """One line on the model compared with each format."""
        return comparison_lines(self.report)

    def to_dict(self) -> dict[str, Any]:
        """Return bytes and quality as plain values."""
        return {"images": self.images, "summary": self.summary, **self.report.to_dict()}


def measure_sizes(model: Model, ref: ModelRef, images: ImageSet, seed: int, device: str, progress: Progress) -> Sizes:
    """Compress up to 100 of the images with the model, JPEG, WebP, AVIF and PNG.

    Raises:
        InputError: the model is a codec whose training was interrupted.
        UnavailableError: the device is not available.
    """
    pixels = prod(images.image_shape[1:])
    most = min(MOST_IMAGES, max(FEWEST_IMAGES, MOST_PIXELS // pixels))
    chosen = replace(images.take(draw_sample(images.labels, len(images), most, seed)), tiles=None)
    is_codec = model.header.is_codec
    codec = load_codec(ref, device) if is_codec else None
    compared = ComparedModel(CODEC if is_codec else CODES, ref.file, model, codec)
    codes = None if is_codec else inference.encode(model, chosen, progress=progress)
    method = compared.method(codes, images.word)
    formats = _formats(chosen.image_shape[0])
    report = compress(np.ascontiguousarray(chosen.images), [method], progress=progress, formats=formats)
    return Sizes(report, len(chosen), is_codec)


def _formats(channels: int) -> list[CompressionMethod]:
    return [codec for codec in image_codecs(channels) if codec.family in FAMILIES]
