"""Distinct file names for what is written about each image."""

from collections.abc import Iterable
from pathlib import Path

from aecli.data.formats.known import SUFFIXES
from aecli.errors import UsageError
from aecli.storage.paths import plain_name


class ImageNames:
    """Names files in a folder after images."""

    def __init__(self, folder: Path, suffix: str):
        self.folder = folder
        self._suffix = suffix
        self._used_names: set[str] = set()

    def path_for(self, image: str) -> Path:
        """Return the path of a new file: the image's folders and name, and a number if that name is used already."""
        stem = image.removesuffix(Path(image).suffix) if Path(image).suffix.lower() in SUFFIXES else image
        base = plain_name(stem, "image")
        name, number = f"{base}{self._suffix}", 2
        while name.lower() in self._used_names:  # some file systems ignore case
            name, number = f"{base}-{number}{self._suffix}", number + 1
        self._used_names.add(name.lower())
        return self.folder / name

    def require_other_folder(self, paths: Iterable[str], what: str, option: str) -> None:
        """Check that none of the image files at `paths` is in the folder.

        Raises:
            UsageError: an image is in the folder, so that a new file could replace it; the message calls the files
                `what`.
        """
        folder = self.folder.resolve()
        for path in map(Path, paths):
            if path.parent.resolve() == folder and path.is_file():
                raise UsageError(
                    f"{what} would be written among the images: {self.folder}",
                    hint=f"name another folder with {option}",
                )
