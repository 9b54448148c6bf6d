"""Read BMP files whose colors are fields of any number of bits, such as 4-4-4-4, or that have an alpha field."""

import os
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

BIT_FIELDS = (3, 6)
"""The values of the header's compression for bit fields."""
COMPRESSION_NAMES = {4: "a JPEG", 5: "a PNG"}
READ_BITS = (1, 4, 8, 16, 24, 32)
HEADER_WITH_ALPHA = 56


class BmpError(Exception):
    """The file is damaged."""


@dataclass(frozen=True)
class Header:
    """The fields of a BMP header that tell how pixels are stored."""

    offset: int
    width: int
    height: int
    is_top_down: bool
    bits: int
    compression: int
    masks: tuple[int, ...]
    """Bits of red, green, blue and alpha in a pixel; () without bit fields."""

    @property
    def has_fields(self) -> bool:
        """Whether pixels consist of bit fields that `read_fields` reads."""
        return self.bits in (16, 32) and any(self.masks[:3]) and self.width > 0 and self.height > 0

    @property
    def has_run_lengths(self) -> bool:
        """Whether pixels are compressed by run lengths."""
        return self.compression in (1, 2)

    @property
    def unread_kind(self) -> str | None:
        """What the file is, if it is not read; None for a kind that is read."""
        if self.compression in COMPRESSION_NAMES:
            return f"a BMP that holds {COMPRESSION_NAMES[self.compression]}"
        return None if self.bits in READ_BITS else f"a BMP of {self.bits} bits"


def read_header(file: IO[bytes]) -> Header | None:
    """Read the header of a BMP file; return None for the old kind without bit fields, and for damaged ones."""
    file.seek(0)
    start = file.read(70)
    if len(start) < 54 or int.from_bytes(start[14:18], "little") < 40:
        return None
    offset, size, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", start, 10)
    masks: tuple[int, ...] = ()
    if compression in BIT_FIELDS and len(start) == 70:
        masks = struct.unpack_from("<IIII", start, 54)
        if size < HEADER_WITH_ALPHA and compression == BIT_FIELDS[0]:
            masks = (*masks[:3], 0)
    return Header(offset, width, abs(height), height < 0, bits, compression, masks)


def read_fields(file: IO[bytes], header: Header) -> "Image":
    """Read an image of bit fields in mode RGB or RGBA.

    Raises:
        BmpError: the file is truncated.
    """
    from PIL import Image

    row_bytes = (header.width * header.bits + 31) // 32 * 4
    if file.seek(0, os.SEEK_END) < header.offset + header.height * row_bytes:
        raise BmpError("truncated")
    file.seek(header.offset)
    channels = 4 if header.masks[3] else 3
    pixels = np.empty((header.height, header.width, channels), np.uint8)
    for y in range(header.height):
        row = np.frombuffer(file.read(row_bytes), f"<u{header.bits // 8}")[: header.width]
        target = pixels[y if header.is_top_down else header.height - 1 - y]
        for channel, mask in enumerate(header.masks[:channels]):
            target[:, channel] = _field(row, mask)
    if channels == 4 and not pixels[..., 3].any():  # a field that the program did not use
        pixels = np.ascontiguousarray(pixels[..., :3])
    return Image.fromarray(pixels)


def _field(row: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """Return a field of the pixels of a row, scaled to 8 bits; 0 for an empty mask."""
    if not mask:
        return np.zeros(len(row), np.uint8)
    shift = (mask & -mask).bit_length() - 1
    largest = mask >> shift
    values = (row.astype(np.uint64) & np.uint64(mask)) >> np.uint64(shift)
    return ((values * np.uint64(510) + np.uint64(largest)) // np.uint64(2 * largest)).astype(np.uint8)
