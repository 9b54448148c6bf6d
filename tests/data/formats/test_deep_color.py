"""Color images of more than 8 bits: PNG and PPM; tests/data/test_tiff_files.py tests TIFF."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import image_files, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.levels import Levels

TWELVE_BITS = np.arange(4 * 30 * 34, dtype=np.uint16).reshape(30, 34, 4) + 16
GRAY, GRAY_ALPHA, COLOR, COLOR_ALPHA = 0, 4, 2, 6
DECLARED = Conversion(levels="declared")


def write_png(
    path: Path,
    values: NDArray[np.uint16],
    kind: int,
    transparent: tuple[int, ...] | None = None,
    *,
    before: tuple[tuple[bytes, bytes], ...] = (),
    after: tuple[tuple[bytes, bytes], ...] = (),
) -> Path:
    """Write (H, W, channels) values to a PNG of 16 bits, with other chunks before and after them."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))]
    if transparent:
        chunks.append((b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    chunks += [*before, (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )
    return path


def test_12_bits_in_a_png_of_16_bits_have_their_levels(tmp_path: Path) -> None:
    values = TWELVE_BITS[:, :, :3]
    path = write_png(tmp_path / "a.png", values, COLOR)
    images = load(str(path))
    assert images.levels == Levels(0, 4095)
    np.testing.assert_array_equal(images.images[0], np.rint(values.transpose(2, 0, 1) * (255 / 4095)))
    assert len(np.unique(images.images)) == 255  # 16 is the smallest value
    declared = image_files.decode(FileOnDisk(path), DECLARED)
    assert declared.depth is not None
    assert declared.depth.high == values.max()
    assert declared.native == image_files.native_shape(FileOnDisk(path)) == (3, 30, 34)


XMP = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
LATE_EXIF = (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0")


@pytest.mark.parametrize(("before", "after"), [((XMP,), ()), ((), (LATE_EXIF,))], ids=["xmp", "late exif"])
@pytest.mark.parametrize(("kind", "channels"), [(COLOR, 3), (GRAY_ALPHA, 2), (COLOR_ALPHA, 4)])
def test_metadata_does_not_hide_the_depth(
    kind: int,
    channels: int,
    before: tuple[tuple[bytes, bytes], ...],
    after: tuple[tuple[bytes, bytes], ...],
    tmp_path: Path,
) -> None:
    values = np.concatenate([TWELVE_BITS[:, :, :3], np.full_like(TWELVE_BITS[:, :, :1], 65535)], axis=2)
    values = values[:, :, [0, 3]] if channels == 2 else values[:, :, :channels]
    plain = load(str(write_png(tmp_path / "plain.png", values, kind)))
    described = load(str(write_png(tmp_path / "described.png", values, kind, before=before, after=after)))
    assert plain.levels is not None
    assert described.levels == plain.levels
    assert described.native_shape == plain.native_shape
    np.testing.assert_array_equal(described.images, plain.images)


def test_a_photograph_of_16_bits(tmp_path: Path) -> None:
    values = TWELVE_BITS[:, :, :3] * 16
    path = write_png(tmp_path / "a.png", values, COLOR)
    expected = np.rint(values.transpose(2, 0, 1) / 257)
    np.testing.assert_array_equal(image_files.decode(FileOnDisk(path), DECLARED).pixels, expected)


def test_transparency_is_white(tmp_path: Path) -> None:
    values = TWELVE_BITS.copy()
    values[:, :, 3] = 65535
    values[0, 0, 3] = 0
    color = write_png(tmp_path / "a.png", values, COLOR_ALPHA)
    keyed = write_png(tmp_path / "b.png", values[:, :, :3], COLOR, (16, 17, 18))
    gray = write_png(tmp_path / "c.png", values[:, :, [0, 3]], GRAY_ALPHA)
    for path in (color, keyed, gray):
        image = image_files.decode(FileOnDisk(path), Conversion(levels=Levels(0, 4095)))
        assert image.native == image_files.native_shape(FileOnDisk(path)) == ((1 if path == gray else 3), 30, 34)
        assert (image.pixels[:, 0, 0] == 255).all()
        expected = np.rint(values[:, :, : image.native[0]].transpose(2, 0, 1) * (255 / 4095))
        np.testing.assert_allclose(image.pixels[:, 1:], expected[:, 1:], atol=1)


@pytest.mark.parametrize("transparent", [0, 1000, 65535])
def test_a_transparent_gray_is_white_and_no_level(tmp_path: Path, transparent: int) -> None:
    """A value that marks missing pixels is not among those that are measured."""
    values = TWELVE_BITS[:, :, :1].copy()
    values[::3] = transparent
    path = write_png(tmp_path / "a.png", values, GRAY, (transparent,))
    images = load(str(path))
    assert images.levels == Levels(0, 4095)
    missing = values[:, :, 0] == transparent
    assert missing.sum() >= 340
    assert (images.images[0, 0][missing] == 255).all()
    expected = np.rint(values[:, :, 0] * (255 / 4095))
    np.testing.assert_array_equal(images.images[0, 0][~missing], expected[~missing])
    declared = image_files.decode(FileOnDisk(path), DECLARED).pixels[0]
    np.testing.assert_array_equal(declared, np.where(missing, 255, np.rint(values[:, :, 0] / 257)))


@pytest.mark.parametrize("white", [4095, 65535])
def test_a_ppm_of_many_bits(tmp_path: Path, white: int) -> None:
    values = TWELVE_BITS[:, :, :3]
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 34 30 %d\n" % white + values.astype(">u2").tobytes())
    image = image_files.decode(FileOnDisk(path), DECLARED)
    np.testing.assert_array_equal(image.pixels, np.rint(values.transpose(2, 0, 1) * (255 / white)))
    assert image.depth is not None
    assert image.depth.levels == Levels(0, white)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UnreadableImageError, match="truncated"):
        image_files.decode(FileOnDisk(path))


def test_deep_color_in_jpeg_2000_is_not_black_in_silence(tmp_path: Path) -> None:
    """Pillow writes 8 bits per channel; the header of this file says 12, so that its values are 16 times as dark."""
    pixels = (TWELVE_BITS[:, :, :3] // 16).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jp2")
    content = bytearray((tmp_path / "a.jp2").read_bytes())
    start = content.index(b"\xff\x4f\xff\x51") + 42
    assert list(content[start : start + 9 : 3]) == [7, 7, 7]
    content[start : start + 9 : 3] = bytes([11] * 3)
    content[content.index(b"ihdr") + 14] = 11
    (tmp_path / "a.jp2").write_bytes(content)
    image = image_files.decode(FileOnDisk(tmp_path / "a.jp2"), DECLARED)
    assert image.depth is not None
    assert image.depth.kind == "uint16"
    assert load(str(tmp_path / "a.jp2")).notes
