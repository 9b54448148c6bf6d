"""A folder of image files: `root/class/*`, `root/split/class/*`, or flat."""

import os
from collections.abc import Iterator
from pathlib import Path

from aecli.data.encoded import FileOnDisk
from aecli.data.layouts.layout import LayoutSource, is_visible
from aecli.errors import InputError
from aecli.storage.paths import is_folder


class ImageFolder(LayoutSource):
    """All image files below a folder; hidden files are ignored."""

    kind = "folder of images"
    summary = "root/class/*, root/split/class/* or flat: image files of the formats above"
    fallback = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Accept any folder."""
        return path.is_dir()

    def _list_files(self) -> Iterator[str]:
        return files_below(self.path)

    def _file(self, name: str) -> FileOnDisk:
        return FileOnDisk(self.path / name)


def files_below(folder: Path, parents: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Yield the posix paths, relative to `folder`, of all files below it that are not hidden.

    Symbolic links are followed, except to a parent folder. `parents` are (device, inode) of the folders above.

    Raises:
        InputError: a folder cannot be read.
    """
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        raise InputError(f"folder cannot be read: {folder}: {(error.strerror or str(error)).lower()}") from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for entry in entries:
        if not is_visible(entry.name):
            continue
        if is_folder(entry):
            for name in files_below(Path(entry.path), parents | {identity}):
                yield f"{entry.name}/{name}"
        else:
            yield entry.name


SOURCES = (ImageFolder,)
