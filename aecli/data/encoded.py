"""Images that are not converted yet: files on disk, on standard input or in an archive, and Pillow images."""

import errno
import os
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, NoReturn, Self, cast

from aecli.data.formats.orientation import ORIENTATION_KEYS
from aecli.errors import InputError
from aecli.storage.paths import STANDARD_STREAM, reading, require_file
from aecli.storage.sized_reader import open_sized

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_STREAM_BYTES = 2**30
"""The largest image that is read from standard input."""
CONVERTING_KEYS = ("transparency", "icc_profile", *ORIENTATION_KEYS)
"""The keys of Pillow's `Image.info` on which the converted pixels depend."""
LASTING_ERRORS = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}
)
"""Errors of the system that last until the file's `state` changes, to which its permissions belong; damaged files name
positions that are invalid arguments."""
READING = Lock()
"""Held while a Pillow image may read its file."""


class UnreadableImageError(InputError):
    """An image file cannot be decoded; `reason` is a short explanation without the path."""

    def __init__(self, where: str, reason: str, *, hint: str | None = None):
        super().__init__(f"cannot read image {where}: {reason}", hint=hint)
        self.reason = reason

    @property
    def is_temporary(self) -> bool:
        """Whether the system refused to read the file, as it may not the next time, though the file is the same."""
        error = self.__cause__
        while error is not None:
            if isinstance(error, OSError) and error.errno is not None:  # decoders raise it without a number
                return error.errno not in LASTING_ERRORS
            error = error.__cause__
        return False


class EncodedImage(ABC):
    """An image file, or one page of it. Its methods may be called from several threads."""

    page: int | None
    """The page, counted from 0; None for a file that must hold one image."""

    def at_page(self, page: int) -> Self:
        """Return the same file with another page, counted from 0."""
        same: Any = self  # a dataclass
        return cast(Self, replace(same, page=page))

    @property
    @abstractmethod
    def where(self) -> str:
        """The path in results and messages, such as `photos/1.png` or `photos.zip:1.png`."""

    @property
    def own_file(self) -> Path | None:
        """The file on disk that holds the image and nothing else but other pages; None if there is none."""
        return None

    @abstractmethod
    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the content as a seekable binary file.

        Raises:
            UnreadableImageError: the file is missing, empty, not a regular file, or damaged in its archive.
            OSError: the system refused to read it.
        """

    @abstractmethod
    def state(self) -> bytes:
        """Return bytes that differ from those of any other image, and change if the file is modified."""


@dataclass(frozen=True, slots=True)
class FileOnDisk(EncodedImage):
    """An image file of its own."""

    path: Path
    page: int | None = None

    @property
    def where(self) -> str:
        """The path as it was given."""
        return str(self.path) if self.page is None else f"{self.path}#{self.page + 1}"

    @property
    def own_file(self) -> Path:
        """The path as it was given."""
        return self.path

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file.

        Raises:
            UnreadableImageError: the file is missing, empty or not a regular file.
        """
        path = self.path.absolute()  # a file that is called "-" is not standard input
        try:
            require_file(path, "image")
        except InputError as error:
            raise UnreadableImageError(self.where, error.message.removesuffix(f": {path}"), hint=error.hint) from error
        return open_sized(path)

    def state(self) -> bytes:
        """Return the absolute path, the page, the size, and the times of the last changes, also of permissions."""
        try:
            status = self.path.stat()
            version = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        except OSError:
            version = "missing"
        return os.fsencode(self.path.absolute()) + f"\0{self.page} {version}".encode()


@dataclass(frozen=True, slots=True)
class UnreadableFile(EncodedImage):
    """Stands for what cannot be read, for a reason that is known already: a folder, or the pages of a file."""

    name: str
    reason: str
    hint: str | None = None
    page: int | None = None

    @property
    def where(self) -> str:
        """The path of the file or folder."""
        return self.name

    def open(self) -> NoReturn:
        """Raise the reason.

        Raises:
            UnreadableImageError: always.
        """
        raise UnreadableImageError(self.name, self.reason, hint=self.hint)

    def state(self) -> bytes:
        """Return the path and the reason."""
        return os.fsencode(f"{self.name}\0{self.reason}")


@dataclass(frozen=True, slots=True)
class StandardInput(EncodedImage):
    """One image file on standard input, which is read once."""

    page: int | None = None

    @property
    def where(self) -> str:
        """The name of standard input on the command line."""
        return str(STANDARD_STREAM)

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Read standard input, at most `MAX_STREAM_BYTES` of it."""
        return reading(STANDARD_STREAM, most=MAX_STREAM_BYTES)

    def state(self) -> bytes:
        """Return the same name for any content: an image on standard input is never cached."""
        return os.fsencode(self.where)


@dataclass(frozen=True, slots=True, eq=False)
class ImageInMemory(EncodedImage):
    """A Pillow image, which is decoded already or reads its file when its pixels are needed."""

    image: "Image"
    name: str
    page: int | None = None

    @property
    def where(self) -> str:
        """The name that was given."""
        return self.name

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Return an empty file: the image is not decoded from bytes."""
        return BytesIO()

    def copy(self) -> "Image":
        """Return a copy with its pixels. One image reads its file at a time, as one object may be listed twice."""
        with READING:
            return self.image.copy()

    def state(self) -> bytes:
        """Return the size, the mode and a hash of the pixels, of their colors, and of what turns and converts them."""
        image = self.copy()
        digest = blake2b(image.tobytes(), digest_size=16)
        if image.mode in ("P", "PA"):
            digest.update(bytes(image.getpalette("RGBA") or ()))
        digest.update(repr([image.info.get(key) for key in CONVERTING_KEYS]).encode())
        return f"{image.mode} {image.size} ".encode() + digest.digest()
