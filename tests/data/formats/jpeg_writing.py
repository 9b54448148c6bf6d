"""Write lossless JPEG files, which Pillow reads but does not write."""

import struct

import numpy as np
from numpy.typing import NDArray


def lossless_jpeg(pixels: NDArray[np.uint8], precision: int = 8) -> bytes:
    """Return (H, W) pixels as a lossless JPEG: a value is predicted by the left or, at the edge, upper one."""
    values = pixels.astype(np.int64)
    predicted = np.empty_like(values)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 1 << (precision - 1)
    bits = ""
    for difference in (values - predicted).ravel().tolist():
        category = abs(difference).bit_length()
        bits += f"{category:04b}"  # 16 codes of 4 bits would include one of ones alone, but 12 categories do not
        if category:
            bits += f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}"
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    height, width = pixels.shape
    return (
        b"\xff\xd8"
        + b"\xff\xc3"
        + struct.pack(">HBHHBBBB", 11, precision, height, width, 1, 1, 0x11, 0)
        + b"\xff\xc4"
        + struct.pack(">HB16B", 31, 0, 0, 0, 0, 12, *[0] * 12)
        + bytes(range(12))
        + b"\xff\xda"
        + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0)
        + scan
        + b"\xff\xd9"
    )
