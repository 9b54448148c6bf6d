"""`aecli.load_codec`, `aecli.compress` and `aecli.restore`: archives of compressed images."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from aecli.api.errors import in_python, python_errors, warn_all
from aecli.api.images import DataLike, data_ref
from aecli.api.progress import ProgressLike, open_progress
from aecli.data import DataOptions
from aecli.workflows.archive_options import ArchiveOptions
from aecli.workflows.archive_reading import RestoreReport
from aecli.workflows.archive_writing import ArchiveReport

if TYPE_CHECKING:
    from aecli.inference.codec import ImageCodec

CodecLike: TypeAlias = "ImageCodec | str | os.PathLike[str]"
"""What `load_codec` returned, or the path of a run folder or model."""


def load_codec(path: "str | os.PathLike[str]", *, device: str = "auto") -> "ImageCodec":
    """Load a model that was trained to compress images; from now on, `.aec` files of it are read as images.

        codec = aecli.load_codec("run")
        (encoded,) = codec.encode(image[None], rate=0)          # image: (C, H, W) uint8
        encoded.psnr, encoded.coded.words.nbytes
        (decoded,) = codec.decode([encoded.coded])              # (C, H, W) uint8
        images = aecli.load_images("archive/")                  # of equal size

    Args:
        path: A run folder or a `model.safetensors`.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.

    Raises:
        aecli.errors.InputError: the file is missing or damaged, or is not a codec.
        aecli.errors.UnavailableError: the device is not available.
    """
    from aecli.checkpoint import resolve_model
    from aecli.inference import codec
    from aecli.inference.archive_images import read_archives_with

    with python_errors():
        model = resolve_model(Path(path))
        loaded = codec.load_codec(model, device)
        read_archives_with(model, device)
        return loaded


def compress(
    images: "DataLike",
    codec: CodecLike,
    output: str | Path,
    *,
    rate: int | None = None,
    psnr: float | None = None,
    verify: bool = True,
    overwrite: bool = False,
    resume: bool = False,
    options: DataOptions | None = None,
    device: str = "auto",
    progress: ProgressLike = None,
) -> ArchiveReport:
    """Compress images of any size into a folder with one `.aec` file each, as `aecli encode -o FOLDER` does.

        report = aecli.compress("photos/", "run", "archive/", psnr=38)
        report.bytes, report.psnr, report.psnr_of["a/1.jpg"]
        aecli.restore("archive/", "run", "restored/")

    Args:
        images: A DATA word or path, the result of `aecli.load_images`, or a list of arrays, Pillow images or paths.
        codec: What `aecli.load_codec` returned, or the path of a run folder or model.
        output: The folder.
        rate: The model's rate: 0, the default, is the best quality; larger numbers need fewer bytes.
        psnr: Choose for each image the rate with the fewest bytes whose PSNR in dB is at least this.
        verify: Decode each image before its file is written.
        overwrite: Replace files that exist.
        resume: Keep the complete files of this codec, and encode the other images.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`, if the codec is given as a path.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        What was written: its attributes are `written`, `bytes`, `psnr`, `psnr_of`, `rates`, `failures` and others.
        Images that cannot be read are listed in `failures`; each is also a warning.

    Raises:
        aecli.errors.InputError: the model is missing or is not a codec, or no image could be stored.
        aecli.errors.OutputExistsError: files exist, and are neither to be replaced nor to be kept.
        aecli.errors.UsageError: the model has no such rate, or the folder is among the images.
        aecli.errors.UnavailableError: a file cannot be written.
    """
    from aecli.data.own_size import own_size_images
    from aecli.workflows.archive_writing import archive_paths, require_outside, write_archive

    settings = ArchiveOptions(rate, psnr, verify, overwrite, resume)
    with python_errors(), open_progress(progress) as on_progress:
        settings.check()
        ref = data_ref(images)
        require_outside(Path(output), ref.paths)
        loaded = _loaded(codec, device)
        read = own_size_images(ref, loaded.channels, loaded.levels, options or DataOptions(), on_progress)
        report = write_archive(loaded, read, archive_paths(read, Path(output)), settings, progress=on_progress)
    report.notes = list(map(in_python, report.notes))
    warn_all([*report.warnings, *(failure.warning for failure in report.failures)])
    return report


def restore(
    archive: "str | Path | Sequence[str | Path]",
    codec: CodecLike,
    output: str | Path,
    *,
    overwrite: bool = False,
    device: str = "auto",
    progress: ProgressLike = None,
) -> RestoreReport:
    """Decode `.aec` files to PNG images of their own size and names, as `aecli decode -o FOLDER` does.

    Args:
        archive: A folder with `.aec` files, such a file, or a list of these.
        codec: What `aecli.load_codec` returned, or the path of a run folder or model.
        output: The folder for the images.
        overwrite: Replace images that exist.
        device: A torch device such as `cpu` or `cuda:1`, if the codec is given as a path.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        What was restored: its attributes are `restored`, `pixels` and `failures`. Files that are damaged or of another
        model are listed in `failures`; each is also a warning.

    Raises:
        aecli.errors.InputError: the model is missing or is not a codec, or no file could be decoded.
        aecli.errors.OutputExistsError: images exist.
        aecli.errors.UnavailableError: an image cannot be written.
    """
    from aecli.workflows.archive_reading import find_files, require_new, restore_archive, restored_paths

    inputs = [archive] if isinstance(archive, str | os.PathLike) else archive
    with python_errors(), open_progress(progress) as on_progress:
        files = find_files(map(Path, inputs))
        paths = restored_paths(files, Path(output))
        require_new(paths, overwrite=overwrite)
        report = restore_archive(_loaded(codec, device), files, paths, on_progress)
    warn_all(failure.warning for failure in report.failures)
    return report


def _loaded(codec: CodecLike, device: str) -> "ImageCodec":
    return load_codec(codec, device=device) if isinstance(codec, str | os.PathLike) else codec
