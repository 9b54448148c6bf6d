"""Write files atomically: a file appears complete or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from aecli.errors import AecliError, root_cause
from aecli.storage.partial_files import unfinished_file
from aecli.storage.paths import is_stream, unwritable


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces `path` at the end of the `with` block; `-` is standard output.

    The bytes are written to a temporary file in the same folder, synced, and renamed to `path`. If anything fails,
    including on a signal, `path` is unchanged and the temporary file is removed; the next `require_folder` removes
    what a killed process has left. A symbolic link at `path` is replaced, not followed.

    Raises:
        UnavailableError: the file cannot be written.
    """
    if is_stream(path):
        buffer = BytesIO()
        yield buffer
        sys.stdout.buffer.write(buffer.getbuffer())
        sys.stdout.buffer.flush()
        return
    try:
        with unfinished_file(path) as temporary:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        sync_folder(path.parent)
    except AecliError:
        raise
    except Exception as error:
        cause = root_cause(error)
        if isinstance(cause, OSError):
            raise unwritable(path, cause) from error
        raise cause from None


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk, where the system supports it; the files must be synced already."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
