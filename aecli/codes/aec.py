"""One image that a model has compressed <-> the bytes of an `.aec` file.

All numbers are little-endian; the file ends with the last word.

| offset | bytes | content |
| --- | --- | --- |
| 0 | 3 | `AEC` |
| 3 | 1 | version of the format, 1 |
| 4 | 4 | the first 4 bytes of the model's identity, a SHA-256 of all that decoding needs |
| 8 | 4 | CRC-32 of all other bytes |
| 12 | 1 | rate, 0 to 127: the index of a rate of the model; 128 is added for a color image |
| 13 | 2 | height in pixels |
| 15 | 2 | width in pixels |
| 17 | 4 x N | the entropy-coded stream, N words |
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from aecli.storage.limits import MAX_IMAGE_PIXELS

SUFFIX = ".aec"
MAGIC, VERSION = b"AEC", 1
HEADER = struct.Struct("<3sB4sIBHH")
HEADER_BYTES = HEADER.size
CRC_START, CRC_END = 8, 12
COLOR = 128
MAX_SIDE, MAX_RATE = 2**16 - 1, COLOR - 1
MAX_BYTES, MAX_BYTES_PER_VALUE = 1 << 16, 16
"""Limits of the stream, of which one must be kept: uncompressed codes of padded images take less."""
IDENTITY_DIGITS = 8
"""Hexadecimal digits of the model's identity that a file holds."""


@dataclass(frozen=True)
class AecHeader:
    """What the start of a file says about its image."""

    identity: str
    """The first 8 hexadecimal digits of the identity of the model that decodes the image."""
    rate: int
    """The index of the model's rate; 0 is the best quality."""
    channels: int
    """1 for a gray image, 3 for a color image."""
    height: int
    width: int

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def max_stream_bytes(self) -> int:
        """The largest stream that an image of this size may have."""
        return max(MAX_BYTES, MAX_BYTES_PER_VALUE * self.pixels * self.channels)

    def refusal(self) -> str | None:
        """Return the reason why no file can hold such an image; None if one can."""
        if not (1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE):
            return f"sides of {self.width:,} x {self.height:,} pixels are not in 1..{MAX_SIDE:,}"
        if self.pixels > MAX_IMAGE_PIXELS:
            return f"{self.width:,} x {self.height:,} pixels are more than {MAX_IMAGE_PIXELS:,}"
        return None


class CodedImage(Protocol):
    """What a codec returns for one image."""

    @property
    def rate(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def words(self) -> NDArray[np.uint32]: ...


@dataclass(frozen=True)
class AecImage:
    """A compressed image with all that its file holds."""

    header: AecHeader
    words: NDArray[np.uint32]
    """(N,): the entropy-coded stream."""

    def to_bytes(self) -> bytes:
        """Return the content of the file.

        Raises:
            ValueError: no file can hold the image.
        """
        header, stream = self.header, self.words.astype("<u4").tobytes()
        if reason := header.refusal():
            raise ValueError(reason)
        if not 0 <= header.rate <= MAX_RATE or header.channels not in (1, 3):
            raise ValueError(f"rate {header.rate} and {header.channels} channels cannot be stored")
        if len(stream) > header.max_stream_bytes:
            raise ValueError(f"{len(stream):,} bytes for {header.pixels:,} pixels")
        flags = header.rate + COLOR * (header.channels == 3)
        identity = bytes.fromhex(header.identity)
        start = HEADER.pack(MAGIC, VERSION, identity, 0, flags, header.height, header.width)
        crc = _crc(start, stream).to_bytes(CRC_END - CRC_START, "little")
        return start[:CRC_START] + crc + start[CRC_END:] + stream


def pack(coded: CodedImage, identity: str, channels: int) -> bytes:
    """Return the content of the file of an image.

    Args:
        coded: The image.
        identity: `sha256:` and the identity of the codec.
        channels: 1 for a gray image, 3 for a color image.

    Raises:
        ValueError: no file can hold the image.
    """
    start = short_identity(identity)
    return AecImage(AecHeader(start, coded.rate, channels, coded.height, coded.width), coded.words).to_bytes()


def short_identity(identity: str) -> str:
    """Return the digits of a codec's identity that a file holds."""
    return identity.removeprefix("sha256:")[:IDENTITY_DIGITS]


def read_aec_header(file: IO[bytes]) -> AecHeader:
    """Read the header at the start of a file, without checking what follows.

    Raises:
        ValueError: it is not an `.aec` file, or of a newer version, or its size is not allowed; a short reason.
    """
    return _parse(file.read(HEADER.size))


def read_aec(file: IO[bytes]) -> AecImage:
    """Read and check the whole file, from its start. Its size is checked before memory is taken.

    Raises:
        ValueError: it is not an `.aec` file, or of a newer version, or damaged; a short reason.
    """
    start = file.read(HEADER.size)
    header = _parse(start)
    stream = b"".join(_pieces(file, header.max_stream_bytes))
    if len(stream) > header.max_stream_bytes:
        raise ValueError(f"damaged: more than {header.max_stream_bytes:,} bytes for {header.pixels:,} pixels")
    if len(stream) % 4 or _crc(start, stream) != int.from_bytes(start[CRC_START:CRC_END], "little"):
        raise ValueError("damaged: its checksum does not match")
    return AecImage(header, np.frombuffer(stream, "<u4").astype(np.uint32))


def _pieces(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield what is left of a file, at most `most` + 1 bytes, as far as it is there."""
    left = most + 1
    while left and (piece := file.read(min(left, 1 << 20))):
        left -= len(piece)
        yield piece


def _parse(start: bytes) -> AecHeader:
    if not start.startswith(MAGIC):
        raise ValueError("not an .aec file" if start else "the file is empty")
    if len(start) < HEADER.size:
        raise ValueError("damaged: it is cut off")
    _, version, identity, _, flags, height, width = HEADER.unpack(start)
    if version != VERSION:
        raise ValueError(f"damaged, or of version {version} of the format, which this version of aecli does not read")
    header = AecHeader(identity.hex(), flags % COLOR, 3 if flags >= COLOR else 1, height, width)
    if reason := header.refusal():
        raise ValueError(f"damaged: {reason}")
    return header


def _crc(start: bytes, stream: bytes) -> int:
    return zlib.crc32(stream, zlib.crc32(start[:CRC_START] + start[CRC_END:]))
