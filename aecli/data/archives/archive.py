"""The interface of archives, and the image files in them."""

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO

from aecli.data.encoded import MAX_STREAM_BYTES, EncodedImage, FileOnDisk, UnreadableImageError
from aecli.storage.limits import refuse_bomb


class Archive(ABC):
    """A file that holds other files. Methods may be called from several threads."""

    def __init__(self, path: Path):
        self.path = path

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the posix names of all files, each once, without folders and links to other places.

        Raises:
            InputError: the archive is damaged.
        """

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            DamagedMemberError: the file is damaged, encrypted or too large.
        """

    @cached_property
    def state(self) -> bytes:
        """The absolute path and the size of the archive, and the times of the last changes, also of permissions."""
        return FileOnDisk(self.path).state()


class DamagedMemberError(Exception):
    """A file in an archive cannot be read; `reason` is a short explanation without the name."""

    def __init__(self, reason: str, *, hint: str | None = None):
        super().__init__(reason)
        self.reason, self.hint = reason, hint


@dataclass(frozen=True, slots=True)
class ArchivedImage(EncodedImage):
    """An image file in an archive."""

    archive: Archive
    member: str
    """The name in the archive."""
    name: str
    """The name in results, such as that without the outer folder."""
    page: int | None = None

    @property
    def where(self) -> str:
        """The path of the archive and the name: `photos.zip:cat/1.png`."""
        where = f"{self.archive.path}:{self.name}"
        return where if self.page is None else f"{where}#{self.page + 1}"

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Read the file into memory.

        Raises:
            UnreadableImageError: the file is empty, damaged, encrypted or too large.
        """
        try:
            content = self.archive.read(self.member)
        except DamagedMemberError as error:
            raise UnreadableImageError(self.where, error.reason, hint=error.hint) from error
        if not content:
            raise UnreadableImageError(self.where, "image is empty")
        return BytesIO(content)

    def state(self) -> bytes:
        """Return the state of the archive, the name and the page."""
        return self.archive.state + f"\0{self.member}\0{self.page}".encode(errors="surrogateescape")


def require_size(unpacked: int, compressed: int) -> None:
    """Check that a file in an archive is not too large to be an image.

    Raises:
        DamagedMemberError: the file is larger than any image, or a decompression bomb.
    """
    try:
        refuse_bomb(unpacked, compressed)
    except ValueError as error:
        raise DamagedMemberError(str(error)) from error
    if unpacked > MAX_STREAM_BYTES:
        raise DamagedMemberError(f"{unpacked:,} bytes are more than {MAX_STREAM_BYTES:,}")


def plain_path(name: str) -> str:
    """Return the name of a file in an archive as a relative posix path without `.` and `..`, in valid Unicode."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return posixpath.normpath(f"/{name}").lstrip("/")
