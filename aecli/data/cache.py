"""Decoded pictures on disk, for sets that are larger than memory: decoded once, then memory-mapped.

An entry is a folder `decoded/KEY` in the cache folder, with `images.npy` and `about.json`. KEY is made of what the
decoded pixels depend on, so an entry never goes out of date; it is built in a folder beside and renamed, so it is
whole or not there. Any entry may be deleted at any time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import cache_folder
from aecli.data.shapes import Shape
from aecli.errors import UnavailableError
from aecli.storage.atomic import sync_folder
from aecli.storage.partial_files import remove_abandoned, unfinished_folder
from aecli.storage.paths import unwritable

FORMAT = 1
"""Raised whenever the same files would be decoded to other pixels, or stored otherwise."""
HINT = "free some space, or name another folder: export AECLI_CACHE=/path/with/space"


@dataclass(frozen=True)
class Cached:
    """What an entry holds."""

    images: NDArray[np.uint8]
    """(K, C, H, W) uint8, a read-only memory map."""
    failures: tuple[tuple[int, str], ...]
    """Index among all pictures and reason, of those that could not be read."""
    notes: tuple[str, ...]
    pixel_digest: bytes


@dataclass(frozen=True)
class Entry:
    """The place of one set of pictures, decoded to one shape."""

    folder: Path

    @classmethod
    def of(cls, paths: list[Path], image_shape: Shape) -> "Entry":
        """The entry of these files as they are now: their paths, sizes and modification times."""
        import PIL

        digest = hashlib.sha256(json.dumps([FORMAT, PIL.__version__, image_shape]).encode())
        for path in paths:
            try:
                status = path.stat()
                state = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:
                state = "missing"
            digest.update(os.fsencode(path.absolute()) + b"\0" + state.encode() + b"\n")
        return cls(cache_folder() / "decoded" / digest.hexdigest()[:32])

    def open(self) -> Cached | None:
        """Open the entry; None where there is none, or none that can be trusted."""
        try:
            about = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))
            images = np.load(self.folder / "images.npy", mmap_mode="r", allow_pickle=False)
            if list(images.shape) != about["shape"] or images.dtype != np.uint8:
                return None
            return Cached(
                images,
                tuple((int(index), str(reason)) for index, reason in about["failures"]),
                tuple(about["notes"]),
                bytes.fromhex(about["pixels_sha256"]),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    @contextmanager
    def building(self, needed: int, target: tuple[int, int, int]) -> Iterator["Building"]:
        """Build the entry from (C, H, W) images of shape `target`, `needed` bytes at most.

        Raises:
            UnavailableError: the disk has not enough space, or refuses to be written.
        """
        root = self.folder.parent
        try:
            root.mkdir(parents=True, exist_ok=True)
            remove_abandoned(root)
            free = shutil.disk_usage(root).free
            if free < needed:
                raise UnavailableError(
                    f"the decoded pictures need {needed / 1e9:,.1f} GB, {root} has {free / 1e9:,.1f} GB left", hint=HINT
                )
            with unfinished_folder(self.folder) as beside, (beside / "images.npy").open("wb") as file:
                yield Building(self, beside, file, target)
        except OSError as error:
            raise _refused(root, error) from error


class Building:
    """An entry that is being written."""

    def __init__(self, entry: Entry, beside: Path, file: IO[bytes], target: tuple[int, int, int]):
        self._entry, self._beside, self._file, self._target = entry, beside, file, target
        self._count = 0
        self._write_header()

    def append(self, pixels: NDArray[np.uint8]) -> None:
        """Add one (C, H, W) image."""
        self._file.write(pixels.data)
        self._count += 1

    def finish(self, notes: tuple[str, ...], failures: tuple[tuple[int, str], ...], pixel_digest: bytes) -> Cached:
        """Put the entry in its place, and open it. Where another process was faster, its entry is as good."""
        self._file.seek(0)
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        about = {
            "shape": [self._count, *self._target],
            "failures": failures,
            "notes": notes,
            "pixels_sha256": pixel_digest.hex(),
        }
        with (self._beside / "about.json").open("wb") as file:
            file.write(json.dumps(about, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._beside)
        folder = self._entry.folder
        for _ in range(2):
            try:
                self._beside.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
            if cached := self._entry.open():
                sync_folder(folder.parent)
                return cached
            shutil.rmtree(folder, ignore_errors=True)  # damaged by someone: ours replaces it
        raise UnavailableError(f"cannot keep decoded pictures in {folder}", hint=HINT)

    def _write_header(self) -> None:
        """Write the .npy header; numpy leaves room in it for the first axis to grow, so its length is constant."""
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self._target)}
        np.lib.format.write_array_header_1_0(self._file, header)


def _refused(root: Path, error: OSError) -> UnavailableError:
    return UnavailableError(unwritable(root, error).message, hint=HINT)
