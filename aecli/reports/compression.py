"""The compression of a data set by a model, compared with other codecs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aecli import inference
from aecli.analyses.compression.code_codecs import Codec
from aecli.analyses.compression.report import CompressionReport, compress
from aecli.checkpoint import ModelRef
from aecli.data import DataOptions, DataRef, ImageSet, load, load_again
from aecli.errors import AecliError
from aecli.inference.model import Model
from aecli.inference.training_overlap import TrainingOverlap, training_overlap
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class MeasuredCompression:
    """The report on the images of a data set."""

    file: Path
    """The model file."""
    model: Model
    images: ImageSet
    pca_images: ImageSet
    """The images that PCA was fitted on: the model's training images, or `images` if those cannot be read."""
    pca_warning: str | None
    """Why PCA was not fitted on the training images."""
    report: CompressionReport
    overlap: TrainingOverlap

    def to_dict(self) -> dict[str, Any]:
        """Return the report and its inputs as plain values."""
        images, pca_images = self.images, self.pca_images
        return {
            "data": {"word": images.word, "fingerprint": images.fingerprint, "images": len(images)},
            "model": {"path": str(self.file), "fingerprint": self.model.fingerprint},
            "pca_fitted_on": {"word": pca_images.word, "fingerprint": pca_images.fingerprint},
            "quantizers_chosen_on": self.model.header.data.word,
            "decoder_bytes": self.model.decoder_bytes,
            "failed": len(images.failures),
            "trained_images": self.overlap.trained_images,
            "rows": [row.to_dict() for row in self.report.rows],
        }


def measure_compression(
    model: ModelRef, data: DataRef, options: DataOptions, *, device: str = "auto", progress: Progress = silent
) -> MeasuredCompression:
    """Compress a data set with a model and with other codecs.

    Raises:
        InputError: the images or the model cannot be read, or the model encodes features, not images.
        UnavailableError: a data set, a device, disk space or memory is not available.
    """
    loaded = inference.load(model, device=device)
    loaded.require_images()
    source, conversion, pca_warning = loaded.header.data, loaded.conversion, None
    images = load(data, options, conversion, skip_damaged=True, progress=progress)
    try:
        pca_images = load_again(source.word, source.fingerprint, options, conversion, progress=progress)
    except AecliError as error:
        pca_images = images
        pca_warning = f"PCA is fitted on the test images, which overstates its quality: {error.message}"
    quantizers = {quantizer.bits: quantizer for quantizer in loaded.header.quantizers}
    codes = inference.encode(loaded, images, progress=progress)
    codec = Codec("codes", codes, loaded.decode, quantizers, loaded.decoder_bytes)
    report = compress(images.images, codec, pca_images.images, progress)
    overlap = training_overlap(loaded, images)
    return MeasuredCompression(model.file, loaded, images, pca_images, pca_warning, report, overlap)
