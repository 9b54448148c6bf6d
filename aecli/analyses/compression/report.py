"""Size and quality of models, compared with other methods to compress the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.bd_rate import Winner
from aecli.analyses.compression.blocks import ImageBlocks
from aecli.analyses.compression.code_codecs import CodeCodec, entropy_coded
from aecli.analyses.compression.comparisons import Comparison, best_methods, compare
from aecli.analyses.compression.image_codecs import CompressionMethod, image_codecs
from aecli.analyses.compression.learned_codecs import LearnedCodec
from aecli.analyses.compression.measurement import Measurement, Original, Row, measure_blocks, measure_whole
from aecli.codes import BITS
from aecli.runtime.progress import Progress, silent
from aecli.runtime.sampling import evenly_spread

PCA_BITS = (32, 8, 4, 2)
EXAMPLES = 10


@dataclass(frozen=True)
class CompressionReport:
    """Size and quality of all methods, and some images as they restore them."""

    rows: tuple[Row, ...]
    models: tuple[str, ...]
    """The families of the models that are compared: of codes, the entropy-coded ones."""
    comparisons: tuple[Comparison, ...]
    """Of each model with each other method."""
    winners: tuple[Winner, ...]
    """The methods that need the fewest bytes, from the lowest to the highest PSNR, without decoders."""
    examples: dict[str, list[NDArray[np.uint8]]]
    """Some images by method, each (C, H, W); `original` first."""
    left_out: tuple[str, ...] = ()
    """Why methods are missing."""

    def to_dict(self) -> dict[str, Any]:
        """Return all but the images as plain values."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "fewest_bytes": [vars(winner) for winner in self.winners],
            "left_out": list(self.left_out),
        }


def compress(
    images: ImageBlocks | NDArray[np.uint8],
    models: Sequence[CodeCodec | LearnedCodec],
    pca: CodeCodec | None = None,
    progress: Progress = silent,
    *,
    formats: Sequence[CompressionMethod] | None = None,
) -> CompressionReport:
    """Compress the images with all methods, decompress them, and measure size and quality.

    Args:
        images: (N, C, H, W) uint8, or blocks of images. Blocks without an array are for models of any size only.
        models: The models, with different names. The codes of a `CodeCodec` are those of the images in the same order.
        pca: A PCA to compare with, as `fit_pca` returns it.
        progress: Reports the images or the methods that are done.
        formats: The other methods to compare with; all of `image_codecs` by default.
    """
    blocks = ImageBlocks.of(images) if isinstance(images, np.ndarray) else images
    chosen = evenly_spread(blocks.count, EXAMPLES).tolist()
    original = Measurement(Original())
    learned = [each for model in models for each in _settings(model, BITS)]
    pca_settings = _settings(pca, PCA_BITS) if pca else []
    others = [Measurement(codec) for codec in (image_codecs(blocks.channels) if formats is None else formats)]
    measure_blocks(blocks, [each for each in learned if not each.is_whole], [original, *others], chosen, progress)
    if blocks.array is not None:
        whole = [each for each in (*learned, *pca_settings) if each.is_whole]
        measure_whole(blocks.array, whole, chosen, progress)
    measured = [each for each in (original, *learned, *pca_settings, *others) if not each.failure]
    rows = tuple(each.row() for each in measured)
    names = tuple(model.name if isinstance(model, LearnedCodec) else entropy_coded(model.name) for model in models)
    families = [] if pca is None else [entropy_coded(pca.name)]
    families += dict.fromkeys(each.codec.family for each in others if not each.failure)
    return CompressionReport(
        rows,
        names,
        compare(rows, names, families),
        tuple(best_methods(rows, [*names, *families])),
        {"original": original.examples} | {each.codec.method: each.examples for each in measured[1:]},
        tuple(f"{each.codec.method}: {each.failure}" for each in others if each.failure),
    )


def _settings(model: CodeCodec | LearnedCodec, bits: Sequence[int]) -> list[Measurement]:
    """Return a model at all of its rates, or with all numbers of bits per value."""
    if isinstance(model, LearnedCodec):
        decoder_bytes = model.model.decoder_bytes
        return [Measurement(rate, decoder_bytes, is_whole=model.is_stream) for rate in model.rates()]
    return [Measurement(setting, model.decoder_bytes, is_whole=True) for setting in model.settings(bits)]
