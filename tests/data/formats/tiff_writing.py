"""Write TIFF files of any kind, tag by tag."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORT, LONG, LONG8 = 3, 4, 16
TYPES = {SHORT: "H", LONG: "I", LONG8: "Q"}
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325

Page = tuple[Mapping[int, Sequence[int]], Sequence[bytes]]
"""The tags of a page, without those of its strips, and its strips."""


def page(
    size: tuple[int, int], bits: Sequence[int], photometric: int, strips: Sequence[bytes], **tags: Sequence[int]
) -> Page:
    """Return a page of (H, W) pixels; further tags are named `t254`."""
    described: dict[int, Sequence[int]] = {
        **{256: [size[1]], 257: [size[0]], 258: bits, 259: [1], 262: [photometric], 277: [len(bits)], 278: [size[0]]},
        **{int(name[1:]): values for name, values in tags.items()},
    }
    return described, strips


def gray_page(values: NDArray[Any], order: str = "<", **tags: Sequence[int]) -> Page:
    """Return a page of (H, W) numbers."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    content = values.astype(values.dtype.newbyteorder("<" if order == "<" else ">")).tobytes()
    height, width = values.shape
    return page((height, width), [values.dtype.itemsize * 8], 1, [content], **({"t339": [kind]} | tags))


def write_tiff(path: Path, *pages: Page, order: str = "<", big: bool = False) -> Path:
    """Write pages to a TIFF file of a byte order, or to a BigTIFF."""
    offset_type, inline = (LONG8, 8) if big else (LONG, 4)
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42))
    content += struct.pack(f"{order}HH", 8, 0) if big else b""
    link = len(content)
    content += bytes(inline)
    for tags, strips in pages:
        offsets = []
        for strip in strips:
            offsets.append(len(content))
            content += strip
        offset_tag, bytes_tag = (TILE_OFFSETS, TILE_BYTES) if 322 in tags else (STRIP_OFFSETS, STRIP_BYTES)
        complete = {**tags, offset_tag: offsets, bytes_tag: [len(strip) for strip in strips]}
        entries = b""
        for tag, values in sorted(complete.items()):
            kind = offset_type if tag in (offset_tag, bytes_tag) else SHORT if max(values) < 65536 else LONG
            packed = struct.pack(f"{order}{len(values)}{TYPES[kind]}", *values)
            if len(packed) > inline:
                content += bytes(len(content) % 2)
                position = len(content)
                content += packed
                packed = struct.pack(f"{order}{TYPES[offset_type]}", position)
            entries += struct.pack(f"{order}HH{TYPES[offset_type]}", tag, kind, len(values)) + packed.ljust(
                inline, b"\0"
            )
        content += bytes(len(content) % 2)
        content[link : link + inline] = struct.pack(f"{order}{TYPES[offset_type]}", len(content))
        content += struct.pack(f"{order}{'Q' if big else 'H'}", len(complete)) + entries
        link = len(content)
        content += bytes(inline)
    path.write_bytes(content)
    return path


def packed_bits(values: NDArray[Any], bits: int) -> bytes:
    """Return (H, W) integers with `bits` bits each, most significant bit first; each row starts at a byte."""
    digits = (values[:, :, None].astype(np.uint64) >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(digits.astype(np.uint8).reshape(len(values), -1), axis=1).tobytes()
