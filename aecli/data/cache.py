"""A cache on disk for sets of images that are larger than memory: decoded once, then memory-mapped.

An entry is a folder `decoded/KEY` in the cache folder, with `images.npy` and `about.json`. KEY is a hash of what the
decoded pixels depend on: the state of the files, the conversion, the decoders that are installed, and the codecs that
are loaded. An entry is built in a temporary folder that is then renamed, so it is complete or absent. If a file could
not be read for another reason, such as an error of the disk, the folder is not renamed, and serves only the process
that made it. Entries may be deleted at any time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.conversion_summary import ConversionReport
from aecli.data.encoded import EncodedImage, FileOnDisk
from aecli.data.formats.aec_images import decoder_files
from aecli.data.formats.known import AEC, FORMATS
from aecli.data.options import cache_folder
from aecli.errors import UnavailableError
from aecli.storage.atomic import sync_folder
from aecli.storage.partial_files import remove_abandoned, unfinished_folder
from aecli.storage.paths import unwritable
from aecli.storage.schema import build

FORMAT = 5
"""Incremented whenever decoding changes the pixels of the same files, or the format of an entry changes."""
HINT = "free some disk space, or choose another folder: export AECLI_CACHE=/path/with/space"


@dataclass(frozen=True)
class CachedImages:
    """The content of an entry."""

    images: NDArray[np.uint8]
    """(K, C, H, W) uint8, a read-only memory map."""
    failures: tuple[tuple[int, str], ...]
    """(index, reason) of each file that could not be read."""
    report: ConversionReport
    pixel_digest: bytes
    sizes: tuple[tuple[int, int], ...] = ()
    """(height, width) of each file that was cut into tiles, which then are the K images, or that was padded; () for
    other images."""


@dataclass(frozen=True)
class Entry:
    """The cache entry of one set of image files, decoded to one shape."""

    folder: Path

    @classmethod
    def of(cls, files: Sequence[EncodedImage], conversion: Conversion) -> "Entry":
        """Return the entry for the files' current state, such as their paths, sizes and times of change."""
        import PIL

        values = asdict(conversion)
        if conversion.tiles is None:  # entries of whole images keep the name that they had before there were tiles
            del values["tiles"]
        known: list[Any] = [FORMAT, PIL.__version__, values]
        if missing := [one.name for one in FORMATS if not one.is_available]:  # files are read again once they can be
            known.append(missing)
        digest = hashlib.sha256(json.dumps(known).encode())
        codecs = decoder_files()
        if codecs and any(file.where.lower().endswith(AEC.suffixes) for file in files):
            for path in codecs:
                digest.update(FileOnDisk(path).state() + b"\n")
        for file in files:
            digest.update(file.state() + b"\n")
        return cls(cache_folder() / "decoded" / digest.hexdigest()[:32])

    def open(self) -> CachedImages | None:
        """Open the entry; return None if it does not exist or is damaged."""
        try:
            about = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))
            images = np.load(self.folder / "images.npy", mmap_mode="r", allow_pickle=False)
            if list(images.shape) != about["shape"] or images.dtype != np.uint8:
                return None
            return CachedImages(
                images,
                tuple((int(index), str(reason)) for index, reason in about["failures"]),
                build(ConversionReport, about["report"]),
                bytes.fromhex(about["pixels_sha256"]),
                tuple((int(height), int(width)) for height, width in about.get("sizes", ())),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    @contextmanager
    def writer(self, needed: int, target: tuple[int, int, int]) -> Iterator["EntryWriter"]:
        """Write the entry for (C, H, W) images of shape `target`, at most `needed` bytes.

        Raises:
            UnavailableError: the disk has not enough space, or is not writable.
        """
        root = self.folder.parent
        try:
            root.mkdir(parents=True, exist_ok=True)
            remove_abandoned(root)
            free = shutil.disk_usage(root).free
            if free < needed:
                raise UnavailableError(
                    f"the decoded images need {needed / 1e9:,.1f} GB, {root} has {free / 1e9:,.1f} GB left", hint=HINT
                )
            with unfinished_folder(self.folder) as folder, (folder / "images.npy").open("wb") as file:
                yield EntryWriter(self, folder, file, target)
        except OSError as error:
            raise UnavailableError(unwritable(root, error).message, hint=HINT) from error


class EntryWriter:
    """Writes an entry into a temporary folder."""

    def __init__(self, entry: Entry, folder: Path, file: IO[bytes], target: tuple[int, int, int]):
        self._entry, self._folder, self._file, self._target = entry, folder, file, target
        self._count = 0
        self._write_header()

    def append(self, pixels: NDArray[np.uint8]) -> None:
        """Append (N, C, H, W) images."""
        self._file.write(pixels.data)
        self._count += len(pixels)

    def finish(
        self,
        report: ConversionReport,
        failures: tuple[tuple[int, str], ...],
        pixel_digest: bytes,
        sizes: tuple[tuple[int, int], ...] = (),
        *,
        is_temporary: bool = False,
    ) -> CachedImages:
        """Move the entry to its final place and open it; if another process was faster, open that entry.

        With `is_temporary`, it is for this process only, as some of its failures may have passed the next time.
        """
        self._file.seek(0)
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        about: dict[str, Any] = {
            "shape": [self._count, *self._target],
            "failures": failures,
            "report": asdict(report),
            "pixels_sha256": pixel_digest.hex(),
        }
        if sizes:
            about["sizes"] = sizes
        with (self._folder / "about.json").open("wb") as file:
            file.write(json.dumps(about, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)
        if is_temporary and (cached := Entry(self._folder).open()):
            return cached  # its file stays open after the folder is removed
        destination = self._entry.folder
        for _ in range(2):
            try:
                self._folder.rename(destination)
            except OSError:
                if not destination.is_dir():
                    raise
            if cached := self._entry.open():
                sync_folder(destination.parent)
                return cached
            shutil.rmtree(destination, ignore_errors=True)  # the existing entry is damaged: replace it
        raise UnavailableError(f"cannot cache decoded images in {destination}", hint=HINT)

    def _write_header(self) -> None:
        """Write the .npy header. Its length is constant, as numpy reserves space for the first axis to grow."""
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self._target)}
        np.lib.format.write_array_header_1_0(self._file, header)
