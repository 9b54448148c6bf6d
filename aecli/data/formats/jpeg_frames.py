"""The frame header of a JPEG file: how it is compressed, and how many bits its values have."""

import os
from dataclasses import dataclass
from typing import IO

FRAME_MARKERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
LOSSLESS_MARKERS = (0xC3, 0xCB)
HIERARCHICAL_MARKERS = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
JPEG_LS_MARKER = 0xF7


@dataclass(frozen=True)
class JpegFrame:
    """The kind of compression and the bits per value."""

    marker: int
    bits: int

    @property
    def is_lossless(self) -> bool:
        """Whether the values are predicted from each other, so that they cannot be decoded at a smaller scale."""
        return self.marker in LOSSLESS_MARKERS

    @property
    def unread_kind(self) -> str | None:
        """What the file is, if it is not read; None for a kind that is read."""
        if self.marker == JPEG_LS_MARKER:
            return "a JPEG-LS file"
        if self.marker in HIERARCHICAL_MARKERS:
            return "a hierarchical JPEG file"
        return f"a JPEG of {self.bits} bits" if self.bits != 8 else None


def read_frame(content: IO[bytes]) -> JpegFrame | None:
    """Return the frame header of a JPEG file; None if it is damaged. The position in the file is kept."""
    position = content.tell()
    content.seek(2)
    try:
        while len(head := content.read(4)) == 4 and head[0] == 0xFF:
            marker, length = head[1], int.from_bytes(head[2:])
            if marker in FRAME_MARKERS:
                bits = content.read(1)
                return JpegFrame(marker, bits[0]) if bits else None
            if length < 2:
                return None
            content.seek(length - 2, os.SEEK_CUR)
        return None
    finally:
        content.seek(position)
