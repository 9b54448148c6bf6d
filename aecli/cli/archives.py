"""What `aecli encode` and `aecli decode` do with archives and sets of a codec."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aecli.cli.console import Console
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, InputError, Interrupted, UsageError
from aecli.runtime.counting import counted
from aecli.workflows.archive_options import ArchiveOptions

if TYPE_CHECKING:
    from aecli.checkpoint import ModelRef
    from aecli.data import DataRef
    from aecli.data.own_size import OwnSizeImages
    from aecli.inference.archive_encoding import CompressedImage

LIST = [Column("file"), Column("bytes"), Column("rate"), Column("psnr", "PSNR", format=".2f")]
"""The columns of `aecli encode --list`."""


def is_archive(output: Path) -> bool:
    """Return whether `aecli encode -o OUTPUT` writes `.aec` files: a folder, or one such file."""
    from aecli.codes.table import is_table

    return str(output) != "-" and output.suffix.lower() != ".npz" and not is_table(output)


def holds_archive(paths: Sequence[Path]) -> bool:
    """Return whether `aecli decode` is to read `.aec` files: folders or such files."""
    return len(paths) > 1 or _is_aec(paths[0]) or paths[0].is_dir()


def encode_archive(
    model: "ModelRef",
    data: "DataRef",
    output: Path,
    data_options: DataOptions,
    options: ArchiveOptions,
    console: TableConsole,
    *,
    list_images: bool,
    device: str,
) -> None:
    """Write one file for each image of a DATA word, and report.

    Raises:
        UsageError: the output cannot be an archive of these images.
        InputError: the model is not a codec, or no image can be stored.
        OutputExistsError: files exist.
        typer.Exit: images are missing, or not kept as well as requested.
    """
    from aecli.data.own_size import own_size_images
    from aecli.inference.codec import load_codec
    from aecli.workflows.archive_writing import finite, write_archive

    options.check()
    inputs = [model.file, *data.paths]
    _check_archive_output(output, inputs)
    codec = load_codec(model, device)
    with console.progress() as progress:
        images = own_size_images(data, codec.channels, codec.levels, data_options, progress)
        paths = _archive_paths(images, output, inputs)
        lines = console.lines(LIST)

        def show(image: "CompressedImage", path: Path) -> None:
            document = {"file": str(path), "image": images.names[image.index], "bytes": len(image.content)}
            document |= {"rate": image.rate}
            lines.show([document | {"psnr": image.psnr}], [document | {"psnr": finite(image.psnr)}])

        try:
            report = write_archive(
                codec,
                images,
                paths,
                options,
                on_image=show if list_images else lambda image, path: None,
                progress=progress,
            )
        except Interrupted as stop:
            stop.hint = stop.hint or "complete files are kept: run the command again with --resume"
            raise
    if list_images:
        lines.finish()
    console.report_notes(report.notes, report.failures)
    for warning in report.warnings:
        console.warn(warning)
    document = report.to_dict() | {"verified": options.verify, "identity": codec.identity}
    if list_images:
        console.summary(report.as_text(), {"output": str(output)} | document)
    else:
        console.saved(output, report.as_text(), document)
    if report.is_partial:
        raise typer.Exit(ExitStatus.PARTIAL)


def encode_set(
    model: "ModelRef",
    data: "DataRef",
    output: Path,
    data_options: DataOptions,
    options: ArchiveOptions,
    console: Console,
    *,
    device: str,
) -> None:
    """Write one stream of all images of a DATA word, and report.

    Raises:
        InputError: an image is damaged, or what was encoded does not decode.
        UsageError: the codec takes images of any size, or has no such rate.
        typer.Exit: images are missing, or not kept as well as requested.
    """
    from aecli.checkpoint import read_header
    from aecli.data import load
    from aecli.inference.codec import load_codec
    from aecli.inference.model import conversion_of
    from aecli.workflows.compressed_sets import require_one_size, write_set

    options.check()
    codec = load_codec(model, device)
    require_one_size(codec)
    with console.progress() as progress:
        conversion = conversion_of(read_header(model.file))
        images = load(data, data_options, conversion, skip_damaged=True, progress=progress)
        report = write_set(codec, images, output, options)
    console.report_images(images)
    for warning in report.warnings:
        console.warn(warning)
    document = report.to_dict() | {"verified": options.verify, "identity": codec.identity, "data": images.fingerprint}
    console.saved(output, report.as_text(), document)
    if report.is_partial:
        raise typer.Exit(ExitStatus.PARTIAL)


def decode_archive(
    model: "ModelRef", inputs: Sequence[Path], output: Path, console: Console, *, overwrite: bool, device: str
) -> None:
    """Restore the images of `.aec` files as PNG files, and report.

    Raises:
        UsageError: the output is not a folder, or holds the inputs.
        InputError: the model is not a codec, or no file can be restored.
        OutputExistsError: images exist.
        typer.Exit: some files could not be restored.
    """
    from aecli.inference.codec import load_codec
    from aecli.storage.paths import require_output
    from aecli.workflows.archive_reading import find_files, require_new, restore_archive, restored_paths

    files = find_files(inputs)
    if output.suffix.lower() == ".png" and not output.is_dir():
        if len(files) > 1:
            raise UsageError(f"{len(files):,} images cannot be one file: {output}", hint="name a folder with -o")
        paths = [require_output(output, inputs=[model.file, *files.paths])]
    elif output.suffix or str(output) == "-" or output.is_file():
        raise UsageError(f"images of .aec files are written into a folder: {output}", hint="name a folder with -o")
    else:
        paths = restored_paths(files, output)
        require_new(paths, overwrite=overwrite)
    codec = load_codec(model, device)
    with console.progress() as progress:
        report = restore_archive(codec, files, paths, progress)
    console.report_notes(files.notes, report.failures)
    console.saved(
        output,
        f"{counted(report.restored, 'image')} of {report.pixels / 1e6:.2f} megapixels",
        {"images": report.restored, "failed": len(report.failures), "pixels": report.pixels}
        | {"identity": codec.identity},
    )
    if report.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def decode_set(model: "ModelRef", file: Path, output: Path, console: Console, *, device: str) -> None:
    """Decode the stream of a set of images, and report.

    Raises:
        InputError: the set is damaged, or was made by another model.
    """
    from aecli.codes.aec_set import load_aec_set
    from aecli.data.saving import save_images
    from aecli.data.shapes import size_text
    from aecli.inference.codec import load_codec
    from aecli.workflows.compressed_sets import decode_set as decode

    compressed = load_aec_set(file)
    codec = load_codec(model, device)
    images = decode(codec, compressed)
    with console.progress() as progress:
        save_images(images, output, progress)
    console.saved(
        output,
        f"{counted(len(images), 'image')} of {size_text(images.image_shape)} pixels",
        {"images": len(images), "image_shape": list(images.image_shape), "identity": codec.identity},
    )


def _check_archive_output(output: Path, inputs: Sequence[Path]) -> None:
    """Check that the output can be a folder of `.aec` files, or one such file, outside of the folders of images.

    Raises:
        UsageError: it cannot.
    """
    from aecli.workflows.archive_writing import require_outside

    is_file = _is_aec(output) and not output.is_dir()
    if output.suffix and not is_file and not output.is_dir():
        raise UsageError(
            f"output must be a folder, or end in .npz, .csv, .parquet or .aec: {output}",
            hint=f"-o {output.stem}.npz",
        )
    if output.exists() and not output.is_dir() and not is_file:
        raise UsageError(f"output is a file: {output}", hint="name a folder, or a file that ends in .npz")
    require_outside(output, inputs)


def _archive_paths(images: "OwnSizeImages", output: Path, inputs: Sequence[Path]) -> list[Path]:
    """Return the file of each image: in a folder, or the only one.

    Raises:
        UsageError: the file would replace an input.
        InputError: there are several images for one file.
        UnavailableError: the file cannot be written.
    """
    from aecli.storage.paths import require_output
    from aecli.workflows.archive_writing import archive_paths

    if not _is_aec(output) or output.is_dir():
        return archive_paths(images, output)
    if len(images) != 1:
        raise InputError(f"{len(images):,} images cannot be one file: {output}", hint="name a folder with -o")
    return [require_output(output, inputs=inputs)]


def _is_aec(path: Path) -> bool:
    """Return whether a path is that of an `.aec` file, by its suffix."""
    from aecli.codes.aec import SUFFIX

    return path.suffix.lower() == SUFFIX
