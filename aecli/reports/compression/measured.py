"""Measure the compression of a data set by models, and by other codecs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aecli import inference
from aecli.analyses.compression.blocks import ImageBlocks
from aecli.analyses.compression.code_codecs import fit_pca
from aecli.analyses.compression.report import CompressionReport, compress
from aecli.checkpoint import ModelRef
from aecli.data import DataOptions, DataRef, ImageSet, load_again
from aecli.errors import AecliError
from aecli.reports.compression.images import UnseenImages, in_own_size, unseen_images
from aecli.reports.compression.models import ComparedModel, first_sized, load_models
from aecli.reports.compression.summary import comparison_lines, summary
from aecli.reports.held_out import divided
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class MeasuredCompression:
    """The report on the images of a data set that no model was trained on."""

    models: tuple[ComparedModel, ...]
    unseen: UnseenImages
    pca_images: ImageSet | None
    """The images that PCA was fitted on: the training images of a model, or the measured ones if those cannot be read.
    None if there is no PCA, because the images may differ in size."""
    report: CompressionReport
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def images(self) -> ImageSet:
        """The measured images, as a model takes them for its codes."""
        return self.unseen.images

    @property
    def summary(self) -> str:
        """One sentence: which method needs the fewest bytes for which PSNR, and when the models pay off."""
        return summary(self.report)

    @property
    def comparison_lines(self) -> list[str]:
        """One line on each model compared with each other method."""
        return comparison_lines(self.report)

    def to_dict(self) -> dict[str, Any]:
        """Return the report and its inputs as plain values."""
        images, pca_images, first = self.images, self.pca_images, self.models[0]
        models = [
            model.to_dict() | {"trained_images": trained}
            for model, trained in zip(self.models, self.unseen.trained, strict=True)
        ]
        return {
            "summary": self.summary,
            "data": {"word": images.word, "fingerprint": images.fingerprint, "images": images.image_count},
            "model": {"path": str(first.file), "fingerprint": first.model.fingerprint},
            "models": models,
            "pca_fitted_on": pca_images and {"word": pca_images.word, "fingerprint": pca_images.fingerprint},
            "quantizers_chosen_on": first.model.header.data.word,
            "decoder_bytes": first.decoder_bytes,
            "failed": len(images.failures),
            "trained_images": self.unseen.left_out,
            **self.report.to_dict(),
        }


def measure_compression(
    models: Sequence[ModelRef],
    data: DataRef,
    options: DataOptions,
    *,
    device: str = "auto",
    progress: Progress = silent,
) -> MeasuredCompression:
    """Compress a data set with models and with other codecs. Images that a model was trained on are left out.

    Images keep their own size if all models take any size. Otherwise they get the size that the models take.

    Raises:
        InputError: the images or a model cannot be read, a model encodes features, not images, the models take
            different images, or they were trained on all images.
        UnavailableError: a data set, a device, disk space or memory is not available.
    """
    loaded = load_models(models, device)
    unseen = unseen_images(loaded, data, options, progress)
    images, sized = unseen.images, first_sized(loaded)
    warnings = list(unseen.warnings)
    codes = {
        model.name: inference.encode(model.model, images, progress=progress) for model in loaded if model.has_codes
    }
    pca_images, pca = None, None
    if sized.has_size:
        blocks = ImageBlocks.of(images.images)
        pca_images, warning = _training_images(sized, images, options, progress)
        warnings += [warning] if warning else []
        size_of = codes.get(sized.name) or inference.encode(sized.model, images, progress=progress)
        pca = fit_pca(pca_images.images, images.images, size_of)
    else:
        images, blocks = in_own_size(images, data, sized.conversion, options, progress)
        unseen = replace(unseen, images=images)
    methods = [model.method(codes.get(model.name), images.word) for model in loaded]
    report = compress(blocks, methods, pca, progress)
    notes = tuple(note for model in loaded for note in model.model.notes)
    return MeasuredCompression(tuple(loaded), unseen, pca_images, report, tuple(warnings), notes)


def _training_images(
    model: ComparedModel, images: ImageSet, options: DataOptions, progress: Progress
) -> tuple[ImageSet, str | None]:
    """Return the images that a model was trained on, or else `images` and a warning.

    All images of its DATA word are returned if it does not remember which of them these were.
    """
    source = model.model.header.data
    try:
        loaded = load_again(source.word, source.fingerprint, options, model.conversion, progress=progress)
    except AecliError as error:
        return images, f"PCA is fitted on the test images, which overstates its quality: {error.message}"
    parts = divided(model.model, loaded)
    if parts is not None and 0 < len(parts.trained) < len(loaded):
        loaded = loaded.take(parts.trained)
    return loaded, None
