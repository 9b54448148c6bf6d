"""BMP files of bit fields, with alpha, and without the file header."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data import image_files
from aecli.data.conversion import AS_IS
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from tests.data.formats.bmp_writing import fields_bmp

COLORS = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint32)
COLORS[:, :, 3] = 255
COLORS[0, 0, 3] = 0
LAYOUTS = {
    "1-5-5-5": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "4-4-4-4": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "opaque 4-4-4": (16, (0xF00, 0xF0, 0xF, 0)),
    "5-6-5": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "8-8-8-8": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "odd order": (32, (0xFF, 0xFF0000, 0xFF00, 0xFF000000)),
    "2-10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("compression", [3, 6])
def test_bit_fields(tmp_path: Path, name: str, compression: int) -> None:
    bits, masks = LAYOUTS[name]
    pixels = np.zeros(COLORS.shape[:2], np.uint32)
    expected = np.zeros((3, *COLORS.shape[:2]))
    for channel, mask in enumerate(masks):
        if not mask:
            continue
        shift = (mask & -mask).bit_length() - 1
        largest = mask >> shift
        field = np.rint(COLORS[:, :, channel] * (largest / 255)).astype(np.uint32)
        pixels |= field << np.uint32(shift)
        if channel < 3:
            expected[channel] = field * (255 / largest)
    if masks[3]:
        expected[:, 0, 0] = 255
    (tmp_path / "a.bmp").write_bytes(fields_bmp(pixels, bits, masks, compression=compression))
    image = image_files.decode(FileOnDisk(tmp_path / "a.bmp"))
    assert image.native == (3, 5, 7)
    np.testing.assert_allclose(image.pixels, expected, atol=1)


def test_an_old_header_has_no_alpha_field(tmp_path: Path) -> None:
    content = fields_bmp(np.full((2, 2), 0x001F), 16, (0x7C00, 0x3E0, 0x1F, 0x8000), header=40)
    (tmp_path / "a.bmp").write_bytes(content)
    image = image_files.decode(FileOnDisk(tmp_path / "a.bmp"))
    assert image.pixels[:, 0, 0].tolist() == [0, 0, 255]


def test_truncated_fields_are_an_error(tmp_path: Path) -> None:
    content = fields_bmp(np.zeros((20, 20)), 16, LAYOUTS["4-4-4-4"][1])
    (tmp_path / "a.bmp").write_bytes(content[:-100])
    with pytest.raises(UnreadableImageError, match="truncated"):
        image_files.decode(FileOnDisk(tmp_path / "a.bmp"))


def test_a_bitmap_without_a_file_header(tmp_path: Path) -> None:
    pixels = COLORS[:, :, :3].astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.bmp")
    (tmp_path / "a.dib").write_bytes((tmp_path / "a.bmp").read_bytes()[14:])
    image = image_files.decode(FileOnDisk(tmp_path / "a.dib"))
    np.testing.assert_array_equal(image.pixels, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(("bits", "compression", "word"), [(2, 0, "2 bits"), (64, 0, "64 bits"), (24, 4, "JPEG")])
def test_kinds_that_are_not_read_are_called_by_their_names(
    tmp_path: Path, bits: int, compression: int, word: str
) -> None:
    content = bytearray(fields_bmp(np.zeros((20, 20)), 16, (0, 0, 0, 0), compression=compression))
    content[28:30] = bits.to_bytes(2, "little")
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=f"BMP.*{word}.*not read"):
        image_files.decode(FileOnDisk(tmp_path / "a.bmp"))


def test_a_field_of_alpha_that_is_not_used_is_opaque(tmp_path: Path) -> None:
    bits, masks = LAYOUTS["8-8-8-8"]
    pixels = COLORS[..., 0] << 16 | COLORS[..., 1] << 8 | COLORS[..., 2]
    (tmp_path / "a.bmp").write_bytes(fields_bmp(pixels, bits, masks))
    decoded = image_files.decode(FileOnDisk(tmp_path / "a.bmp"), AS_IS).pixels
    np.testing.assert_array_equal(decoded, COLORS[..., :3].transpose(2, 0, 1))
