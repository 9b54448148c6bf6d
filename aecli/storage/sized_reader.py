"""Open a file from strangers for reading, whose content may ask for more bytes than it has."""

import os
from io import BufferedReader, FileIO
from pathlib import Path

SMALL = 2**16
"""Bytes that may be allocated without a look at the size of the file."""


class SizedReader(BufferedReader):
    """A file that allocates at most its own size when it is read: Python allocates first what is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes; all for a negative number or None."""
        if size is not None and size > SMALL:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def open_sized(path: Path) -> SizedReader:
    """Open a file for reading.

    Raises:
        OSError: the system refused to.
    """
    return SizedReader(FileIO(path))
