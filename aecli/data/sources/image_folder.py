"""A folder of image files: `root/class/*`, `root/split/class/*`, or flat."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aecli.data.encoded import FileOnDisk, UnreadableFile
from aecli.data.file_names import is_visible
from aecli.data.layouts.source import LayoutSource
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.paths import is_folder

READ_HINT = "check its permissions, or name other folders"


class ImageFolder(LayoutSource):
    """All image files below a folder; hidden files are ignored."""

    kind = "folder of images"
    summary = "root/class/*, root/split/class/* or flat: image files of the formats above"
    fallback = True

    def __init__(self, path: Path):
        super().__init__(path)
        self._unreadable: dict[str, str] = {}
        """Why a folder below this one cannot be read, by its relative path; complete once the files are listed."""

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Accept any folder."""
        return path.is_dir()

    def _list_files(self) -> Iterator[str]:
        return files_below(self.path, self._unreadable.__setitem__)

    def _file(self, name: str) -> FileOnDisk:
        return FileOnDisk(self.path / name)

    def require_images(self) -> None:
        """Check that all folders can be read, and that there is an image.

        Raises:
            InputError: it is not so.
        """
        if self.layout.images and not self._unreadable:
            return
        for folder, reason in self._unreadable.items():
            raise InputError(f"folder cannot be read: {self.path / folder}: {reason}", hint=READ_HINT)
        super().require_images()

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageFiles:
        """List all image files below the folder, without labels, and the folders below it that cannot be read.

        Raises:
            InputError: there is no image file.
        """
        if not self.layout.images or not self._unreadable:
            return super().read_unsplit(options, progress)
        content = self._content(self.layout.images, None, ())
        folders = [
            UnreadableFile(str(self.path / name), f"the folder cannot be read: {reason}")
            for name, reason in self._unreadable.items()
        ]
        return replace(
            content,
            names=np.array([*content.names, *self._unreadable]),
            files=(*content.files, *folders),
            masks=None if content.masks is None else (*content.masks, *[()] * len(folders)),
        )


def files_below(folder: Path, on_unreadable: Callable[[str, str], None] | None = None) -> Iterator[str]:
    """Yield the posix paths, relative to `folder`, of all files below it that are not hidden.

    Symbolic links are followed, except to a parent folder. Folders that vanish meanwhile are passed over.

    Args:
        folder: The folder.
        on_unreadable: Called with the relative path of a folder below it that cannot be read, and the reason.

    Raises:
        InputError: the folder cannot be read, or one below it cannot, and `on_unreadable` is None.
    """
    yield from _files_below(folder, "", frozenset(), on_unreadable)


def _files_below(
    folder: Path,
    prefix: str,
    parents: frozenset[tuple[int, int]],
    on_unreadable: Callable[[str, str], None] | None,
) -> Iterator[str]:
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        if parents and isinstance(error, FileNotFoundError | NotADirectoryError):
            return
        reason = (error.strerror or str(error)).lower()
        if not parents or on_unreadable is None:
            raise InputError(f"folder cannot be read: {folder}: {reason}", hint=READ_HINT) from error
        on_unreadable(prefix[:-1], reason)
        return
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for entry in entries:
        if not is_visible(entry.name):
            continue
        if is_folder(entry):
            yield from _files_below(Path(entry.path), f"{prefix}{entry.name}/", parents | {identity}, on_unreadable)
        else:
            yield f"{prefix}{entry.name}"


SOURCES = (ImageFolder,)
