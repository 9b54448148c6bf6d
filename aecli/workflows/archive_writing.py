"""Write archives: a folder with one `.aec` file for each image, compressed by a codec."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from aecli.codes.aec import AecImage
from aecli.codes.psnr import mean_squared_error, psnr
from aecli.data.archive_names import archived_names
from aecli.data.image_files import quiet
from aecli.data.image_set import Failure
from aecli.data.own_size import OwnSizeImages
from aecli.errors import InputError, OutputExistsError, UsageError
from aecli.inference.archive_codec import Codec, as_coded
from aecli.inference.archive_decoding import foreign_reason, read_file
from aecli.inference.archive_encoding import CompressedImage, FailedImage, Quality, compress_images
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent
from aecli.storage.atomic import atomic_write
from aecli.storage.paths import require_folder
from aecli.workflows.archive_options import ArchiveOptions

MAX_NAMED = 3
"""Images that a warning names."""


@dataclass
class ArchiveReport:
    """What was written into an archive."""

    quality: Quality
    written: int = 0
    kept: int = 0
    """Complete files of an earlier run, which were kept."""
    failures: list[Failure] = field(default_factory=list)
    """Images that could not be read or stored."""
    bytes: int = 0
    """Size of the files written, with their headers."""
    original_bytes: int | None = 0
    """Size of the image files that they hold; None if some are not files of their own."""
    pixels: int = 0
    psnr_of: dict[str, float] = field(default_factory=dict)
    """The PSNR in dB of each image."""
    rates: Counter[int] = field(default_factory=Counter)
    """How many images were written at each rate."""
    unlike: dict[str, float] = field(default_factory=dict)
    """The PSNR of the images that are unlike the training images."""
    missed: dict[str, float] = field(default_factory=dict)
    """The PSNR of the images that reach the requested one at no rate, and are stored with the best quality."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _squared_errors: float = 0.0
    _recolored: int = 0
    _deep: int = 0

    @property
    def psnr(self) -> float:
        """The PSNR in dB of all images written, from the mean of their squared errors; 0 without images."""
        if not self.written:
            return 0.0
        return psnr(self._squared_errors / self.written)

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.bytes / max(self.pixels, 1)

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the quality."""
        warnings = []
        if self.missed:
            warnings.append(
                f"{counted(len(self.missed), 'image')} below {self.quality.psnr:g} dB with the best quality: "
                f"{_worst(self.missed)}"
            )
        if self.unlike:
            warnings.append(
                f"{counted(len(self.unlike), 'image')} with a PSNR far below that of the model's validation images at "
                f"the same rate, and probably unlike its training images: {_worst(self.unlike)}"
            )
        return warnings

    @property
    def is_partial(self) -> bool:
        """Whether images are missing, or not kept as well as requested."""
        return bool(self.failures or self.missed)

    def add(self, image: CompressedImage, name: str, codec: Codec, original: Path | None) -> None:
        """Count an image that was written."""
        channels, height, width = image.native
        self.written += 1
        self.bytes += len(image.content)
        self.pixels += height * width
        if original is None:
            self.original_bytes = None
        elif self.original_bytes is not None:
            self.original_bytes += original.stat().st_size
        self.psnr_of[name] = image.psnr
        self.rates[image.rate] += 1
        self._squared_errors += image.mse
        self._recolored += channels > codec.channels
        self._deep += image.is_deep
        if image.psnr < codec.unlike_psnr[image.rate]:
            self.unlike[name] = image.psnr
        if not self.quality.reached(image.psnr):
            self.missed[name] = image.psnr

    def finish(self, seconds: float) -> None:
        """Note how images were changed before they were compressed."""
        self.seconds = seconds
        if self._recolored:
            self.notes.append(
                f"{counted(self._recolored, 'color image')} stored in gray: the model was trained on gray images"
            )
        if self._deep:
            self.notes.append(f"{counted(self._deep, 'image')} of more than 8 bits stored with 8 bits")

    def as_text(self) -> str:
        """Return one line."""
        size = f"{counted(self.written, 'image')} in {self.bytes:,} bytes ({self.bits_per_pixel:.3f} bits per pixel)"
        parts = [size, f"PSNR {self.psnr:.2f} dB"] if self.written else [counted(0, "image")]
        if self.original_bytes and self.bytes:
            parts.append(f"{self.original_bytes / self.bytes:.1f} times smaller than the image files")
        if self.kept:
            parts.append(f"{counted(self.kept, 'file')} kept")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; an infinite PSNR, of images that are kept exactly, is None."""
        lowest = min(self.psnr_of.values(), default=inf)
        return {
            "images": self.written,
            "kept": self.kept,
            "failed": len(self.failures),
            "bytes": self.bytes,
            "original_bytes": self.original_bytes,
            "pixels": self.pixels,
            "bits_per_pixel": round(self.bits_per_pixel, 4),
            "psnr": finite(self.psnr),
            "lowest_psnr": finite(lowest),
            "rates": {str(rate): count for rate, count in sorted(self.rates.items())},
            "unlike_training_images": len(self.unlike),
            "below_requested_psnr": len(self.missed),
            "seconds": round(self.seconds, 3),
        }


def finite(psnr: float) -> float | None:
    """Return a PSNR as JSON holds it: None if it is infinite."""
    return round(psnr, 3) if psnr < inf else None


def require_outside(output: Path, sources: Iterable[Path]) -> None:
    """Check that an archive is in none of the folders that its images come from.

    Raises:
        UsageError: it is.
    """
    for source in sources:
        if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
            raise UsageError(f"the archive would lie among the images: {output}", hint="choose another folder")


def archive_paths(images: OwnSizeImages, folder: Path) -> list[Path]:
    """Return the file of each image in an archive."""
    return [folder / name for name in archived_names(images.names, images.labels, images.class_names)]


def write_archive(
    codec: Codec,
    images: OwnSizeImages,
    paths: Sequence[Path],
    options: ArchiveOptions,
    *,
    on_image: Callable[[CompressedImage, Path], None] = lambda image, path: None,
    progress: Progress = silent,
) -> ArchiveReport:
    """Compress images into one file each. A file appears complete or not at all; an interrupted run can be resumed.

    Args:
        codec: The model.
        images: The images.
        paths: The file of each image.
        options: The quality, and what happens to files that exist.
        on_image: Called with each image after its file is written.
        progress: Called after each image.

    Raises:
        OutputExistsError: files exist, and are neither to be replaced nor to be kept.
        UsageError: the model has no such rate.
        InputError: no image could be stored.
        UnavailableError: a file cannot be written.
    """
    started = time.monotonic()
    options.check()
    quality = Quality(options.rate or 0, options.psnr)
    quality.check(codec)
    report = ArchiveReport(quality, notes=list(images.notes))
    with quiet():
        indices = _indices_to_write(codec, images, paths, options, report, progress)
        report.kept = len(images) - len(indices)
        prepared: set[Path] = set()
        results = compress_images(codec, images, indices, quality, verify=options.verify)
        for done, result in enumerate(results, 1):
            if isinstance(result, FailedImage):
                report.failures.append(result.failure)
            else:
                path = paths[result.index]
                if path.parent not in prepared:
                    prepared.add(require_folder(path.parent))
                with atomic_write(path) as file:
                    file.write(result.content)
                report.add(result, images.names[result.index], codec, images.own_file(result.index))
                on_image(result, path)
            progress("compressing images", done, len(indices))
    if report.failures and not report.written and not report.kept:
        first = report.failures[0]
        raise InputError(
            f"none of the {len(images):,} images can be compressed; {first.name}: {first.reason}",
            hint="replace the images; aecli info DATA describes them",
        )
    report.finish(time.monotonic() - started)
    return report


def _indices_to_write(
    codec: Codec,
    images: OwnSizeImages,
    paths: Sequence[Path],
    options: ArchiveOptions,
    report: ArchiveReport,
    progress: Progress,
) -> list[int]:
    """Return the images to compress: all of them, or those without a complete file. Note kept files of low quality.

    Raises:
        OutputExistsError: files exist, and are neither to be replaced nor to be kept.
    """
    if options.overwrite:
        return list(range(len(paths)))
    existing = {index for index, path in enumerate(paths) if path.exists()}
    if existing and not options.resume:
        first = paths[min(existing)]
        raise OutputExistsError(
            f"{len(existing):,} of the {counted(len(paths), 'file')} exist already, such as {first}",
            hint="--resume keeps complete files and adds the others, --overwrite replaces them",
        )
    indices = []
    for index, path in enumerate(paths):
        if index not in existing or not _is_complete(codec, images, index, path, report):
            indices.append(index)
        if existing:
            progress("checking files", index + 1, len(paths))
    return indices


def _is_complete(codec: Codec, images: OwnSizeImages, index: int, path: Path, report: ArchiveReport) -> bool:
    """Return whether a file holds this image, compressed by this codec, with the quality."""
    try:
        file = read_file(path)
        original = images.own_file(index)
        is_older = original is not None and original.stat().st_mtime > path.stat().st_mtime
        is_same_size = images.native_shape(index)[1:] == (file.header.height, file.header.width)
        if is_older or not is_same_size or foreign_reason(codec, file.header):
            return False
        return _has_quality(codec, file, images, index, report)
    except (ValueError, OSError, InputError):
        return False


def _has_quality(codec: Codec, file: AecImage, images: OwnSizeImages, index: int, report: ArchiveReport) -> bool:
    quality, rate = report.quality, file.header.rate
    if quality.psnr is None:
        return rate == quality.rate
    decoded = codec.decode([as_coded(file)])[0]  # a file does not say its PSNR
    reached = psnr(mean_squared_error(decoded, images.read(index).pixels))
    if rate == 0 and not quality.reached(reached):  # no other rate is better
        report.missed[images.names[index]] = reached
        return True
    return quality.reached(reached)


def _worst(psnr_of: dict[str, float]) -> str:
    """Return the names of the images with the lowest PSNR."""
    worst = sorted(psnr_of, key=psnr_of.__getitem__)
    names = ", ".join(f"{name} ({psnr_of[name]:.1f} dB)" for name in worst[:MAX_NAMED])
    return names + (f" and {len(worst) - MAX_NAMED:,} more" if len(worst) > MAX_NAMED else "")
