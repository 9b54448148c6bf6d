"""Files in a `.zip`."""

import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from weakref import finalize

from aecli.data.archives.archive import Archive, DamagedMemberError, plain_path, require_size
from aecli.errors import InputError
from aecli.storage.paths import require_file

ENCRYPTED = 0x1
"""Bit of a member's flags."""


class ZipArchive(Archive):
    """A `.zip`, whose directory is read once; its files are decompressed one by one."""

    def __init__(self, path: Path):
        super().__init__(path)
        require_file(path, "archive")
        try:
            self._archive = zipfile.ZipFile(path)
        except Exception as error:  # zipfile raises many types for damaged files
            raise InputError(f"damaged or truncated zip file: {path}", hint="create it again") from error
        finalize(self, self._archive.close)

    def names(self) -> Sequence[str]:
        """Return the names of all files; the last one of several with the same name counts."""
        return list(self._members)

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        # Some programs of Windows write backslashes.
        files = [member for member in self._archive.infolist() if not member.filename.endswith(("/", "\\"))]
        return {plain_path(member.filename.replace("\\", "/")): member for member in files}

    def read(self, name: str) -> bytes:
        """Return the content of a file; its checksum is checked.

        Raises:
            DamagedMemberError: the file is damaged, encrypted or too large.
        """
        member = self._members[name]
        if member.flag_bits & ENCRYPTED:
            raise DamagedMemberError("it is encrypted", hint="create the archive without a password")
        require_size(member.file_size, member.compress_size)
        try:
            with self._archive.open(member) as file:
                return file.read(member.file_size)
        except NotImplementedError as error:
            raise DamagedMemberError("its compression is not supported") from error
        except Exception as error:  # zipfile and its decompressors raise many types for damaged files
            raise DamagedMemberError("damaged in its archive") from error
