"""Restore images from `.aec` files as PNG files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from aecli.codes.aec import SUFFIX
from aecli.data.archive_names import restored_names
from aecli.data.file_names import passed_over_note, suffix_of
from aecli.data.image_set import Failure
from aecli.data.saving import as_png
from aecli.data.sources.image_folder import files_below
from aecli.errors import InputError, OutputExistsError
from aecli.inference.archive_codec import Codec
from aecli.inference.archive_decoding import FOREIGN, RestoredImage, restore_images
from aecli.inference.archive_encoding import FailedImage
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import map_ordered
from aecli.storage.atomic import atomic_write
from aecli.storage.paths import require_file, require_folder, short_names

PENDING_VALUES = 1 << 26
"""Values of decoded images that wait to be written; one image may have more."""


@dataclass(frozen=True)
class ArchivedFiles:
    """The files to restore."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    """The posix path of each file below its archive, unique."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)


@dataclass
class RestoreReport:
    """What was restored."""

    restored: int = 0
    pixels: int = 0
    failures: list[Failure] = field(default_factory=list)


def find_files(inputs: Iterable[Path]) -> ArchivedFiles:
    """Return the `.aec` files among the inputs and below the folders among them, sorted by their names.

    Raises:
        InputError: an input does not exist, or there is no such file.
    """
    found: dict[Path, str] = {}
    others = Counter[str]()
    inputs = list(inputs)
    for path in inputs:
        if not path.is_dir():
            is_one_of_several = len(inputs) > 1 and path.is_file()  # a damaged one is named, and the others restored
            found.setdefault(path if is_one_of_several else require_file(path, "file"), path.name)
            continue
        for name in sorted(files_below(path)):
            if suffix_of(name) == SUFFIX:
                found.setdefault(path / name, name)
            else:
                others[suffix_of(name)] += 1
    if not found:
        raise InputError(
            f"no {SUFFIX} file in {', '.join(map(str, inputs))}",
            hint=f"archives hold {SUFFIX} files: aecli encode DATA --model CODEC -o ARCHIVE",
        )
    paths, names = list(found), list(found.values())
    if len(set(names)) < len(names):  # of several folders
        names = [PurePosixPath(name.lstrip("/")).as_posix() for name in short_names(paths)]
    note = passed_over_note(dict(others.most_common()))
    return ArchivedFiles(tuple(paths), tuple(names), (note,) if note else ())


def restored_paths(files: ArchivedFiles, folder: Path) -> list[Path]:
    """Return the PNG file of each image below a folder."""
    return [folder / name for name in restored_names(files.names)]


def require_new(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Check that no file exists, unless files are to be replaced.

    Raises:
        OutputExistsError: a file exists.
    """
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise OutputExistsError(
            f"{len(existing):,} of the {counted(len(paths), 'image')} exist already, such as {existing[0]}",
            hint="--overwrite replaces them",
        )


def restore_archive(
    codec: Codec, files: ArchivedFiles, paths: Sequence[Path], progress: Progress = silent
) -> RestoreReport:
    """Decode files and write each as a PNG image, in the image's own size.

    Args:
        codec: The model that made the files.
        files: The files.
        paths: The image file to write for each.
        progress: Called after each image.

    Raises:
        InputError: no file could be decoded.
        UnavailableError: an image cannot be written.
    """
    report = RestoreReport()

    def compress(result: RestoredImage | FailedImage) -> tuple[RestoredImage, memoryview] | FailedImage:
        return (result, as_png(result.pixels)) if isinstance(result, RestoredImage) else result

    def weigh(result: RestoredImage | FailedImage) -> int:
        return result.pixels.size if isinstance(result, RestoredImage) else 0

    results = map_ordered(compress, restore_images(codec, files.paths), weigh=weigh, most=PENDING_VALUES)
    for done, result in enumerate(results, 1):
        if isinstance(result, FailedImage):
            report.failures.append(result.failure)
        else:
            image, content = result
            require_folder(paths[image.index].parent)
            with atomic_write(paths[image.index]) as file:  # by one thread, so that none is left behind by an error
                file.write(content)
            report.restored += 1
            report.pixels += image.pixels[0].size
        progress("restoring images", done, len(files))
    if not report.restored:
        first = report.failures[0]
        is_foreign = FOREIGN in first.reason
        hint = "name the codec that made it with --model" if is_foreign else "copy it again, or encode the image again"
        if len(files) == 1:
            raise InputError(f"cannot restore {first.name}: {first.reason}", hint=hint)
        raise InputError(f"none of the {len(files):,} files can be restored; {first.name}: {first.reason}", hint=hint)
    return report
