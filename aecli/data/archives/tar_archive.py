"""Files in a `.tar`, compressed or not."""

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from weakref import finalize

from aecli.data.archives.archive import Archive, DamagedMemberError, plain_path, require_size
from aecli.data.options import cache_folder
from aecli.errors import InputError, UnavailableError
from aecli.storage.limits import refuse_bomb
from aecli.storage.paths import require_file

CHUNK = 1 << 20
OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""The module that decompresses a file, by the bytes that the file starts with. Suffixes are often wrong, since some
programs decompress what they download."""
HINT = "create it again: tar -cf photos.tar photos/"


class TarArchive(Archive):
    """A `.tar`, whose headers are read once. A file is then read at its position.

    A compressed archive is first decompressed into a temporary file without a name in the cache folder, since gzip can
    only be read from its start.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        require_file(path, "archive")
        self._file: IO[bytes] = path.open("rb")
        start = self._file.read(max(map(len, OPENERS)))
        if opener := next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None):
            self._file.close()
            self._file = _decompressed(path, opener)
        finalize(self, self._file.close)

    def names(self) -> Sequence[str]:
        """Return the names of all files; the last one of several with the same name counts."""
        return list(self._members)

    @cached_property
    def _members(self) -> dict[str, tuple[int, int]]:
        """The position and the size of each file. Hard links are files; symbolic links are not followed."""
        members: dict[str, tuple[int, int]] = {}
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for member in archive:
                    if member.islnk() and (linked := members.get(plain_path(member.linkname))):
                        members[plain_path(member.name)] = linked
                    elif member.isreg() and not member.issparse():
                        members[plain_path(member.name)] = member.offset_data, member.size
                    archive.members = []  # type: ignore[attr-defined]  # tarfile keeps all headers otherwise
                header_end = archive.offset
        except Exception as error:  # tarfile raises many types for damaged files
            raise InputError(f"damaged or truncated tar file: {self.path}", hint=HINT) from error
        if any(position + size > end for position, size in members.values()):
            raise InputError(f"truncated tar file: {self.path}", hint=HINT)
        # tarfile takes a damaged header for the end of the archive.
        if any(os.pread(self._file.fileno(), tarfile.BLOCKSIZE, header_end)):
            raise InputError(f"damaged tar file: {self.path}: no header at byte {header_end:,}", hint=HINT)
        return members

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            DamagedMemberError: the file is too large, or the archive was changed.
        """
        position, size = self._members[name]
        require_size(size, size)
        content = os.pread(self._file.fileno(), size, position)
        if len(content) < size:
            raise DamagedMemberError("the archive was truncated")
        return content


def _decompressed(path: Path, opener: Callable[[Path], Any]) -> IO[bytes]:
    compressed = path.stat().st_size
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  read as long as the archive
    except OSError as error:
        raise _no_space(path, folder, error) from error
    try:
        _copy(path, opener, compressed, target)
    except BaseException as error:
        target.close()
        if isinstance(error, OSError) and error.errno and not isinstance(error, gzip.BadGzipFile):
            raise _no_space(path, folder, error) from error
        if isinstance(error, InputError) or not isinstance(error, Exception):
            raise
        # gzip, bz2 and lzma raise many types for damaged files
        raise InputError(f"damaged or truncated compressed file: {path}", hint=HINT) from error
    return target


def _copy(path: Path, opener: Callable[[Path], Any], compressed: int, target: IO[bytes]) -> None:
    done = 0
    with opener(path) as file:
        while chunk := file.read(CHUNK):
            done += len(chunk)
            try:
                refuse_bomb(done, compressed)
            except ValueError as error:
                raise InputError(f"not an archive of images: {path}: {error}") from error
            target.write(chunk)
    target.flush()


def _no_space(path: Path, folder: Path, error: OSError) -> UnavailableError:
    free = shutil.disk_usage(folder).free if folder.exists() else 0
    return UnavailableError(
        f"{path} cannot be decompressed into {folder}, which has {free / 1e9:,.1f} GB left: "
        f"{(error.strerror or str(error)).lower()}",
        hint="free some disk space, or choose another folder: export AECLI_CACHE=/path/with/space",
    )
