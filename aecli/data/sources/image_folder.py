"""A folder of image files: `root/class/*`, `root/split/class/*`, or flat."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.encoded import FileOnDisk
from aecli.data.image_files import SUFFIXES
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.labels import UNLABELED
from aecli.storage.paths import is_stream

Labels = NDArray[np.int64] | None
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


class ImageFolder(PathSource):
    """All image files below a folder, sorted by their path; hidden files and other files are ignored.

    The folder is divided into splits if it has `train` beside `test` or `val`, or no folders other than split
    folders. The next folder level is the class; files at a higher level have no label.
    """

    kind = "folder of images"
    summary = "root/class/*, root/split/class/* or flat; PNG JPEG WebP BMP TIFF GIF PPM"
    all_splits = ("train", "val", "test")
    fallback = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Accept any folder."""
        return path.is_dir()

    def splits(self) -> tuple[str, ...]:
        """Return the splits that have a folder."""
        return tuple(self._split_folders())

    def _split_folders(self) -> dict[str, str]:
        """Return the folder name of each split; empty if the folder is not divided into splits."""
        try:
            folders = sorted(entry.name for entry in os.scandir(self.path) if entry.is_dir() and _visible(entry.name))
        except OSError as error:
            raise _unreadable(self.path, error) from error
        found = {}
        for split, aliases in SPLIT_FOLDERS.items():
            present = [name for name in folders if name.lower() in aliases]
            if len(present) > 1:
                raise InputError(
                    f"two folders for one split in {self.path}: {', '.join(present)}", hint="keep one of them"
                )
            if present:
                found[split] = present[0]
        # A class may be called "train": a single such folder among others is not a split.
        by_split = len(found) == len(folders) or ("train" in found and len(found) > 1)
        return found if by_split else {}

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the files of a split.

        Raises:
            InputError: there is no image file, or labels are to come from prefixes and no name has one.
        """
        by_split = self._split_folders()
        # Classes are numbered over all splits, so that a label means the same in each.
        everything = self._names(tuple(by_split.values()))
        if options.labels_from == "prefix":
            labels, class_names = labels_from_prefixes(everything, self.path)
        else:
            labels, class_names = _labels_from_folders(everything, depth=1 if by_split else 0)
        files = ImageFiles(
            np.array(everything), labels, class_names, self._files(everything), notes=self._ignored_note(by_split)
        )
        if split == "all":
            return files
        in_split = [name.startswith(f"{by_split[split]}/") for name in everything]
        if not any(in_split):
            raise InputError(f"no image file in {self.path / by_split[split]}")
        return files.take(np.flatnonzero(in_split))

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageFiles:
        """List all image files below the folder, whether they are in a split's folder or not; without labels.

        Raises:
            InputError: there is no image file.
        """
        names = self._names()
        return ImageFiles(np.array(names), None, (), self._files(names))

    def _files(self, names: list[str]) -> tuple[FileOnDisk, ...]:
        paths = (self.path / name for name in names)
        # A file that is called "-" is not standard input.
        return tuple(FileOnDisk(path.absolute() if is_stream(path) else path) for path in paths)

    def _names(self, folders: tuple[str, ...] = ()) -> list[str]:
        """Return the sorted posix paths, relative to the root, of all image files, or of those in `folders`."""
        names = sorted(
            f"{top}/{name}" if top else name for top in (folders or ("",)) for name in _files_below(self.path / top)
        )
        if not names:
            raise InputError(f"no image file in {self.path}", hint="known formats: PNG JPEG WebP BMP TIFF GIF PPM")
        return names

    def _ignored_note(self, by_split: dict[str, str]) -> tuple[str, ...]:
        """Name the entries beside the split folders."""
        ignored = [
            name
            for name in sorted(entry.name for entry in self.path.iterdir())
            if _visible(name) and name not in by_split.values()
        ]
        return (f"ignored, not in a split's folder: {', '.join(ignored[:5])}",) if by_split and ignored else ()


def labels_from_prefixes(names: list[str], where: Path) -> tuple[Labels, tuple[str, ...]]:
    """Take each file's class from the part of its name before the first `_`; -1 for a name without one.

    Raises:
        InputError: no name has one.
    """
    files = (name.rpartition("/")[2] for name in names)
    prefixes = [file.partition("_")[0] if "_" in file else "" for file in files]
    if not any(prefixes):
        raise InputError(
            f"no file name has a class before a '_': {where}", hint="name files like cat_001.png, or --labels-from none"
        )
    return _numbered(prefixes)


def _labels_from_folders(names: list[str], depth: int) -> tuple[Labels, tuple[str, ...]]:
    """Take each file's class from the folder at `depth` of its path; -1 for a file above that depth."""
    parts = (name.split("/") for name in names)
    return _numbered([part[depth] if len(part) > depth + 1 else "" for part in parts])


def _numbered(classes: list[str]) -> tuple[Labels, tuple[str, ...]]:
    """Number the classes in sorted order, -1 for the empty name; None if all names are empty."""
    class_names = tuple(sorted(set(classes) - {""}))
    if not class_names:
        return None, ()
    number = {name: index for index, name in enumerate(class_names)} | {"": UNLABELED}
    return np.array([number[name] for name in classes], np.int64), class_names


def _files_below(folder: Path, parents: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Yield the posix paths, relative to `folder`, of all image files below it.

    Symbolic links are followed, except to a parent folder. `parents` are (device, inode) of the folders above.

    Raises:
        InputError: a folder cannot be read.
    """
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for entry in entries:
        if not _visible(entry.name):
            continue
        if entry.is_dir():
            for name in _files_below(Path(entry.path), parents | {identity}):
                yield f"{entry.name}/{name}"
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield entry.name


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _unreadable(folder: Path, error: OSError) -> InputError:
    return InputError(f"folder cannot be read: {folder}: {(error.strerror or str(error)).lower()}")


SOURCES = (ImageFolder,)
