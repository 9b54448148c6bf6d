"""What is being written lies beside its target until it is whole, locked by its writer for so long.

So what a killed process left there can be told from what a live one is writing, and is removed by the next one.
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
"""What was not touched for so long is abandoned, where locks cannot tell: another machine's, or there are none here."""
LONGEST_NAME = 200
"""Bytes kept of the target's name; file systems take 255 in all."""
NAME = re.compile(r"\..+\.(?P<machine>[0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)


@contextmanager
def unfinished_file(target: Path) -> Iterator[Path]:
    """Make an empty file beside `target`; what is still there at the end of the `with` block is removed."""
    with _unfinished(target, lambda path: path.touch(exist_ok=False)) as path:
        yield path


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Make an empty folder beside `target`; what is still there at the end of the `with` block is removed."""
    with _unfinished(target, Path.mkdir) as path:
        yield path


def remove_abandoned(folder: Path) -> None:
    """Remove from `folder` what killed processes left unfinished, but nothing that a live one may be writing."""
    with suppress(OSError):
        found = [(folder / entry.name, NAME.fullmatch(entry.name)) for entry in os.scandir(folder)]
        for path, name in found:
            if name and not path.is_symlink():
                with suppress(OSError), try_lock(path) as ours:
                    if ours is not False and ((ours and name["machine"] == _machine()) or _is_old(path)):
                        _remove(path)


@contextmanager
def _unfinished(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    label = os.fsencode(target.name)[:LONGEST_NAME].decode(errors="ignore")
    while True:
        path = target.with_name(f".{label}.{_machine()}-{os.urandom(4).hex()}.part")
        try:
            make(path)
            with try_lock(path) as ours:
                if ours is not False:  # else, as it was not locked yet, another process took it for abandoned
                    yield path
                    return
        finally:
            with suppress(OSError):
                _remove(path)


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_old(path: Path) -> bool:
    inside = path.iterdir() if path.is_dir() else ()
    youngest: float = max(each.stat().st_mtime for each in (path, *inside))
    return time.time() - youngest > ABANDONED_SECONDS


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
