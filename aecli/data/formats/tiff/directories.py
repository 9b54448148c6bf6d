"""The directories of a TIFF file: which are pages, and how their pixels are stored."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_ENTRIES = 1 << 12
SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 277, 278, 279
PLANAR, PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_HEIGHT = 284, 317, 320, 322, 323
TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT, ICC_PROFILE, DNG_VERSION = 324, 325, 338, 339, 34675, 50706
REDUCED, MASK = 1, 4
"""Bits of NewSubfileType."""
TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


class TiffError(Exception):
    """A directory is damaged."""


@dataclass(frozen=True)
class Directory:
    """One directory: the tags of an image."""

    file: IO[bytes]
    offset: int
    order: str
    """`<` or `>`."""
    is_big: bool
    """Whether the file is a BigTIFF."""
    entries: dict[int, tuple[int, int, bytes]]
    """The type, the number of values, and the values or their offset, of each tag."""

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the integers of a tag.

        Raises:
            TiffError: the values are not integers, or the file is truncated.
        """
        if tag not in self.entries:
            return default
        kind, count, inline = self.entries[tag]
        if kind not in TYPES:
            raise TiffError
        size = struct.calcsize(TYPES[kind]) * count
        if size > len(inline):
            if size > file_size(self.file):
                raise TiffError
            try:
                self.file.seek(int.from_bytes(inline, "little" if self.order == "<" else "big"))
                inline = self.file.read(size)
            except (OSError, ValueError, OverflowError) as error:
                raise TiffError from error
        try:
            return struct.unpack_from(f"{self.order}{count}{TYPES[kind]}", inline)
        except struct.error as error:
            raise TiffError from error

    def value(self, tag: int, default: int) -> int:
        """Return the first integer of a tag.

        Raises:
            TiffError: the value is not an integer, or the file is truncated.
        """
        values = self.values(tag, (default,))
        return values[0] if values else default

    @property
    def header(self) -> bytes:
        """The header of a file in which this is the first directory."""
        start = (b"II" if self.order == "<" else b"MM") + struct.pack(f"{self.order}H", 43 if self.is_big else 42)
        if self.is_big:
            return start + struct.pack(f"{self.order}HHQ", 8, 0, self.offset)
        return start + struct.pack(f"{self.order}I", self.offset)

    @property
    def is_page(self) -> bool:
        """Whether this is neither a reduced copy nor a mask of another image."""
        kind = self.value(SUBFILE_TYPE, 0)
        return not kind & (REDUCED | MASK) and self.value(OLD_SUBFILE_TYPE, 0) != 2


def pages(file: IO[bytes]) -> Iterator[Directory]:
    """Yield the directories of a TIFF file that are images of full resolution.

    If there is none, the first directory is yielded.

    Raises:
        TiffError: a directory is damaged.
    """
    first, found = None, False
    for directory in _directories(file):
        first = first or directory
        if directory.is_page:
            found = True
            yield directory
    if first and not found:
        yield first


def directory_at(file: IO[bytes], offset: int) -> Directory:
    """Return the directory at a position in the file.

    Raises:
        TiffError: it is damaged.
    """
    return next(_directories(file, offset))


def file_size(file: IO[bytes]) -> int:
    """Return the number of bytes of a file."""
    return file.seek(0, os.SEEK_END)


def _directories(file: IO[bytes], start: int | None = None) -> Iterator[Directory]:
    """Yield all directories in order, without those of SubIFDs; from the one at `start`, or the first one."""
    file.seek(0)
    header = file.read(16)
    order = "<" if header[:2] == b"II" else ">"
    is_big = 43 in header[2:4]
    count_format, entry_format, offset_format = (
        (f"{order}Q", f"{order}HHQ8s", f"{order}Q") if is_big else (f"{order}H", f"{order}HHI4s", f"{order}I")
    )
    remaining, seen = file_size(file), set[int]()
    try:
        (first,) = struct.unpack_from(offset_format, header, 8 if is_big else 4)
        offset = first if start is None else start
        while offset and offset not in seen:
            seen.add(offset)
            file.seek(offset)
            (count,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
            if not 0 < count <= MAX_ENTRIES:
                raise TiffError
            block = file.read(struct.calcsize(entry_format) * count)
            # The directories of a file do not overlap: damaged ones must not be read again and again.
            remaining -= len(block)
            if remaining < 0:
                raise TiffError
            end = file.read(struct.calcsize(offset_format))
            entries = {tag: (kind, many, raw) for tag, kind, many, raw in struct.iter_unpack(entry_format, block)}
            yield Directory(file, offset, order, is_big, entries)
            offset = struct.unpack(offset_format, end)[0] if len(end) == struct.calcsize(offset_format) else 0
    except (struct.error, OSError, OverflowError, ValueError) as error:
        raise TiffError from error
