"""Write files that appear complete or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from aecli.errors import AecliError, origin
from aecli.storage.partial_files import unfinished_file
from aecli.storage.paths import is_stream, unwritable


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears at `path` whole or not at all; `-` is standard output.

    The bytes go to a file beside `path`, are synced, and replace `path` in one step at the end of the `with`
    block. Whatever goes wrong, a signal included, `path` keeps what it held and nothing is left beside it; what a
    killed process leaves is removed by the next `require_folder`. A link at `path` is replaced, not followed.

    Raises:
        UnavailableError: the system refused to write.
    """
    if is_stream(path):
        buffer = BytesIO()
        yield buffer
        sys.stdout.buffer.write(buffer.getbuffer())
        sys.stdout.buffer.flush()
        return
    try:
        with unfinished_file(path) as beside:
            with beside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        sync_folder(path.parent)
    except AecliError:
        raise
    except Exception as error:
        cause = origin(error)
        if isinstance(cause, OSError):
            raise unwritable(path, cause) from error
        raise cause from None


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def sync_folder(folder: Path) -> None:
    """Let the names in it outlast a loss of power, where the system can; what they name is whole in any case."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
