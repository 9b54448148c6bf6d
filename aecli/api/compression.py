"""`aecli.compress_report`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aecli.analyses.compression.comparisons import Comparison
from aecli.analyses.compression.measurement import Row
from aecli.api.errors import python_errors, warn_all
from aecli.api.images import DataLike, data_ref
from aecli.api.progress import ProgressLike, open_progress
from aecli.checkpoint import resolve_model
from aecli.data import DataOptions, Failure
from aecli.reports.compression.measured import MeasuredCompression, measure_compression
from aecli.runtime.counting import counted


@dataclass(frozen=True, repr=False)
class CompressionResult:
    """The size and quality of models and other codecs on a set of images."""

    measured: MeasuredCompression
    """All that was measured."""

    @property
    def rows(self) -> Sequence[Row]:
        """Each method with each setting: `method`, `bytes_per_image`, `bits_per_pixel`, `quality.psnr`, ..."""
        return self.measured.report.rows

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """Each model against each other method: `psnr.percent` is the mean difference in bytes at equal PSNR."""
        return self.measured.report.comparisons

    @property
    def summary(self) -> str:
        """One sentence: which method needs the fewest bytes for which PSNR, and when the models pay off."""
        return self.measured.summary

    @property
    def failures(self) -> Sequence[Failure]:
        """Images that could not be read."""
        return self.measured.images.failures

    def to_dict(self) -> dict[str, Any]:
        """Return what `aecli compress-report --json` prints."""
        return self.measured.to_dict()

    def plot(self, path: Path | str, *, dpi: int | None = None) -> None:
        """Draw the rate-distortion curves and some images.

        The file is PNG, SVG or PDF, by its suffix; `dpi` is the resolution of PNG files and of the images, by default
        150.

        Raises:
            aecli.errors.UsageError: the suffix is another one.
            aecli.errors.UnavailableError: the file cannot be written.
        """
        from aecli.plots import compression

        images = self.measured.images
        with python_errors():
            title = f"{counted(images.image_count, 'image')} of {images.word}"
            compression.draw(self.measured.report, title, Path(path), dpi)

    def __repr__(self) -> str:
        return f"<CompressionResult: {counted(self.measured.images.image_count, 'image')}; {self.summary}>"


def compress_report(
    images: "DataLike",
    models: "str | Path | Sequence[str | Path]",
    *,
    options: DataOptions | None = None,
    device: str = "auto",
    progress: "ProgressLike" = None,
) -> CompressionResult:
    """Compare the size and quality of models with JPEG, WebP, AVIF, JPEG 2000, PNG, zlib, LZMA and PCA.

        report = aecli.compress_report("photos/:test", "run")
        print(report.summary)
        pandas.DataFrame(row.to_dict() for row in report.rows)
        report.plot("compression.png")

    Args:
        images: A DATA word or path, the result of `aecli.load_images`, an array or a tensor, or a list of Pillow
            images and paths. Those that a model was trained on are left out.
        models: The path of a run folder, `model.safetensors` or `model.onnx`, or several of them.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        A result with the attributes `rows`, `comparisons` and `summary`, and the methods `to_dict` and `plot`.

    Raises:
        aecli.errors.InputError: the images or a model cannot be read, the models take different images, or they were
            trained on all images.
        aecli.errors.UnavailableError: a data set, a package, memory or the device is not available.
    """
    paths = [models] if isinstance(models, str | os.PathLike) else list(models)
    with python_errors(), open_progress(progress) as on_progress:
        ref = data_ref(images)
        refs = [resolve_model(path) for path in paths]
        measured = measure_compression(refs, ref, options or DataOptions(), device=device, progress=on_progress)
    warn_all(measured.warnings)
    return CompressionResult(measured)
