"""Write BMP files whose pixels consist of bit fields."""

import struct
from typing import Any

from numpy.typing import NDArray


def fields_bmp(
    pixels: NDArray[Any], bits: int, masks: tuple[int, int, int, int], *, compression: int = 3, header: int = 108
) -> bytes:
    """Return a BMP file of (H, W) pixels of 16 or 32 bits, with the masks of red, green, blue and alpha."""
    height, width = pixels.shape
    row_bytes = (width * bits + 31) // 32 * 4
    rows = [row.astype(f"<u{bits // 8}").tobytes().ljust(row_bytes, b"\0") for row in pixels[::-1]]
    described = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    described += struct.pack("<IIII", *masks)
    described = described.ljust(max(header, len(described)), b"\0")
    body = b"".join(rows)
    offset = 14 + len(described)
    return struct.pack("<2sIHHI", b"BM", offset + len(body), 0, 0, offset) + described + body
