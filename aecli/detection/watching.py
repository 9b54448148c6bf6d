"""Follow a folder: find the image files that arrive in it, as soon as they are complete."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aecli.data.file_names import is_visible, suffix_of
from aecli.data.formats.known import KNOWN_SUFFIXES
from aecli.data.image_set import Failure
from aecli.errors import InputError

SECONDS_BETWEEN_SCANS = 0.5
"""A file is complete if its size and its modification time are the same in two successive scans."""
REST_PER_SCAN = 20
"""A scan of many files is followed by a rest of this many times its duration, so that an idle watch costs little."""

State = tuple[int, int, int]
"""Size in bytes, and the times in nanoseconds when the content and when anything, such as a permission, changed."""


@dataclass(slots=True)
class _KnownFile:
    state: State
    is_waiting: bool = True
    """Whether it was not scored in this state."""
    digest: bytes | None = None
    """Of the content that was scored last."""


class FolderWatch:
    """Finds the image files in a folder and the folders below it: once each, and again if their content changes.

    Hidden files are ignored. The files are known by path, size, modification time and a hash of their content, as long
    as they are in the folder, so that the memory that this takes is bounded by the number of files in it. Files below a
    folder that cannot be read for a while stay known.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._known: dict[str, _KnownFile] = {}
        self._unreadable: dict[str, str] = {}
        self._failures: list[Failure] = []

    def arrivals(self) -> Iterator[list[str]]:
        """Yield the paths of new files, those of each scan together, without end; none if there are only failures.

        Raises:
            InputError: the folder cannot be read.
        """
        while True:
            started = time.monotonic()
            paths = self.scan()
            duration = time.monotonic() - started
            if paths or self._failures:
                yield paths
            time.sleep(max(SECONDS_BETWEEN_SCANS, REST_PER_SCAN * duration))

    def scan(self) -> list[str]:
        """Return the paths of the files that became complete since the last scan, in the order of their times.

        Raises:
            InputError: the folder cannot be read.
        """
        unreadable: dict[str, str] = {}
        found = dict(_image_files(self.folder, unreadable))
        self._failures += [
            Failure(folder, f"the folder cannot be read: {reason}")
            for folder, reason in unreadable.items()
            if folder not in self._unreadable
        ]
        self._unreadable = unreadable
        hidden = tuple(f"{folder}{os.sep}" for folder in unreadable)
        for path in self._known.keys() - found.keys():
            if not path.startswith(hidden):
                del self._known[path]
        complete: list[tuple[int, str]] = []
        for path, state in found.items():
            known = self._known.get(path)
            if known is None:
                self._known[path] = _KnownFile(state)
            elif known.state != state:
                known.state, known.is_waiting = state, True
            elif known.is_waiting:
                complete.append((state[1], path))
        return [path for _, path in sorted(complete)]

    def new_failures(self) -> list[Failure]:
        """Return the folders that could not be read since the last call; each is returned once while it stays so."""
        failures, self._failures = self._failures, []
        return failures

    def is_new(self, path: str) -> bool:
        """Return whether the content of a complete file was not scored yet, and remember that it is from now on."""
        known = self._known[path]
        digest = _digest(path)
        known.is_waiting = False
        if digest is None or digest == known.digest:  # it has vanished, or was only touched
            return False
        known.digest = digest or None  # of a file that cannot be read: it is scored again once it can
        return True


def _image_files(folder: Path, unreadable: dict[str, str]) -> Iterator[tuple[str, State]]:
    """Yield the path and the state of each image file below a folder, also of a format that is not read.

    Folders that cannot be read are added to `unreadable`, each with the reason.

    Raises:
        InputError: the folder itself cannot be read; others may vanish at any time.
    """
    waiting = [os.fspath(folder)]
    visited: set[tuple[int, int]] = set()
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)  # noqa: PTH116
            identity = (status.st_dev, status.st_ino)
            entries = [] if identity in visited else list(os.scandir(current))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if current == os.fspath(folder):
                raise InputError(f"folder cannot be read: {folder}: {reason}") from error
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                unreadable[current] = reason
            continue
        visited.add(identity)  # a symbolic link may lead to a folder above it
        for entry in entries:
            if not is_visible(entry.name):
                continue
            with suppress(OSError):
                if entry.is_dir():
                    waiting.append(entry.path)
                elif suffix_of(entry.name) in KNOWN_SUFFIXES and entry.is_file():
                    status = entry.stat()
                    yield entry.path, (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _digest(path: str) -> bytes | None:
    """Return a hash of the content of a file; None if it has vanished."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()[:16]
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # reported when the image is decoded
