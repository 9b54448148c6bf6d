"""Files of compressed images: what is written is read, and anything else is refused before memory is taken."""

import io
import struct
import zlib
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from aecli.codes.aec import HEADER, AecHeader, AecImage, read_aec, read_aec_header

GRAY = AecHeader("0123abcd", 2, 1, 33, 17)
IMAGE = AecImage(GRAY, np.array([1, 2**32 - 1, 7], np.uint32))


def read(content: bytes) -> AecImage:
    return read_aec(io.BytesIO(content))


@pytest.mark.parametrize(
    "header",
    [GRAY, replace(GRAY, channels=3, rate=0), replace(GRAY, height=1, width=1), replace(GRAY, width=65_535, rate=127)],
)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_what_is_written_is_read(header: AecHeader, count: int) -> None:
    words = np.arange(count, dtype=np.uint32) * np.uint32(1234567)
    content = AecImage(header, words).to_bytes()
    assert len(content) == HEADER.size + 4 * count
    found = read(content)
    assert found.header == header == read_aec_header(io.BytesIO(content))
    assert found.words.tolist() == words.tolist()


def test_the_layout_is_the_documented_one() -> None:
    content = IMAGE.to_bytes()
    magic, version, identity, crc, flags, height, width = struct.unpack("<3sB4sIBHH", content[:17])
    assert (magic, version, identity.hex(), flags, height, width) == (b"AEC", 1, "0123abcd", 2, 33, 17)
    assert crc == zlib.crc32(content[:8] + content[12:])
    assert np.frombuffer(content[17:], "<u4").tolist() == [1, 2**32 - 1, 7]


def test_every_flipped_bit_and_every_cut_is_refused() -> None:
    content = IMAGE.to_bytes()
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"not an|damaged"):
            read(bytes(damaged))
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"not an|damaged|empty"):
            read(content[:length])
    with pytest.raises(ValueError, match="damaged"):
        read(content + b"\0\0\0\0")


def test_bursts_of_damage_are_refused() -> None:
    content, chance = AecImage(GRAY, np.arange(200, dtype=np.uint32)).to_bytes(), Random(0)
    for _ in range(2000):
        start, length = chance.randrange(len(content)), chance.randrange(1, 5)
        damaged = content[:start] + chance.randbytes(length) + content[start + length :]
        if damaged != content:
            with pytest.raises(ValueError, match=r"not an|damaged"):
                read(damaged)


class Endless(io.RawIOBase):
    """A file that starts like an image, and never ends."""

    def __init__(self, start: bytes) -> None:
        self.start, self.given = start, 0

    def read(self, size: int = -1, /) -> bytes:
        assert size >= 0, "everything is read"
        content = self.start[:size].ljust(size, b"\0")
        self.start = self.start[size:]
        self.given += size
        return content


def test_a_file_that_is_too_long_for_its_image_is_not_read_to_its_end() -> None:
    file = Endless(replace(IMAGE, header=replace(GRAY, height=100, width=100)).to_bytes())
    with pytest.raises(ValueError, match="damaged"):
        read_aec(file)  # type: ignore[arg-type]
    assert file.given < 200_000


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (65_535, 65_535), (10_000, 10_001)])
def test_impossible_sizes_are_neither_written_nor_read(height: int, width: int) -> None:
    header = replace(GRAY, height=height, width=width)
    with pytest.raises(ValueError, match="pixels"):
        AecImage(header, IMAGE.words).to_bytes()
    start = HEADER.pack(b"AEC", 1, b"abcd", 0, 0, height, width)
    forged = start[:8] + zlib.crc32(start[:8] + start[12:]).to_bytes(4, "little") + start[12:]
    for reader in (read_aec, read_aec_header):
        with pytest.raises(ValueError, match="pixels"):
            reader(io.BytesIO(forged))


@pytest.mark.parametrize(
    "image",
    [
        AecImage(replace(GRAY, height=65_536), IMAGE.words),
        AecImage(replace(GRAY, rate=128), IMAGE.words),
        AecImage(replace(GRAY, channels=2), IMAGE.words),
        AecImage(replace(GRAY, height=1, width=1), np.zeros(20_000, np.uint32)),
    ],
)
def test_what_does_not_fit_the_format_is_not_written(image: AecImage) -> None:
    with pytest.raises(ValueError, match=r"pixels|stored"):
        image.to_bytes()
