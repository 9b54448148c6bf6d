"""Temporary files and folders for output that is not complete yet.

They lie beside their target and are locked by the process that writes them. Leftovers of a killed process can thus be
distinguished from the files of a running one, and the next process removes them.
"""

import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aecli.storage.locks import try_lock

ABANDONED_SECONDS = 24 * 3600
"""Age at which leftovers count as abandoned if locks cannot decide: of another machine, or without locks."""
MAX_NAME_BYTES = 200
"""Bytes kept of the target's name; file systems allow 255 for the temporary name."""
NAME = re.compile(r"\..+\.(?P<machine>[0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)


@contextmanager
def unfinished_file(target: Path) -> Iterator[Path]:
    """Create an empty file beside `target`; remove it at the end of the `with` block unless it was renamed."""
    with _unfinished(target, lambda path: path.touch(exist_ok=False)) as path:
        yield path


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Create an empty folder beside `target`; remove it at the end of the `with` block unless it was renamed."""
    with _unfinished(target, Path.mkdir) as path:
        yield path


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`, but none that a running one may be writing."""
    with suppress(OSError):
        candidates = [(folder / entry.name, NAME.fullmatch(entry.name)) for entry in os.scandir(folder)]
        for path, name in candidates:
            if name and not path.is_symlink():
                with suppress(OSError), try_lock(path) as acquired:
                    if acquired is not False and ((acquired and name["machine"] == _machine()) or _is_old(path)):
                        _remove(path)


@contextmanager
def _unfinished(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    label = os.fsencode(target.name)[:MAX_NAME_BYTES].decode(errors="ignore")
    while True:
        path = target.with_name(f".{label}.{_machine()}-{os.urandom(4).hex()}.part")
        try:
            make(path)
            with try_lock(path) as acquired:
                if acquired is not False:  # else another process removed it as abandoned before it was locked
                    yield path
                    return
        finally:
            with suppress(OSError):
                _remove(path)


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_old(path: Path) -> bool:
    children = path.iterdir() if path.is_dir() else ()
    newest: float = max(each.stat().st_mtime for each in (path, *children))
    return time.time() - newest > ABANDONED_SECONDS


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
