"""JPEG files that are decoded at a smaller scale show the same part of the image as other formats; lossless JPEG."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import image_files
from aecli.data.conversion import Conversion, Resize
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from tests.data.formats.jpeg_writing import lossless_jpeg

MODES: list[Resize] = ["stretch", "crop", "pad"]


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """Return an image whose shape and position are visible at any size."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [np.sin(9 * x + 4 * y), np.cos(11 * y - 2 * x), np.sin(7 * x * y + 3 * x)]
    return (127.5 + 120 * np.stack(channels, axis=-1)).round().astype(np.uint8)


def decode(path: Path, conversion: Conversion) -> NDArray[np.int64]:
    return image_files.decode(FileOnDisk(path), conversion).pixels.astype(np.int64)


def saved(folder: Path, stored: NDArray[np.uint8], orientation: int = 1) -> tuple[Path, Path]:
    """Save pixels as JPEG and, what its decoder shows of them, as PNG."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg, png = folder / "a.jpg", folder / "a.png"
    Image.fromarray(stored).save(jpeg, quality=95, subsampling=0, exif=exif)
    with Image.open(jpeg) as image:
        Image.fromarray(np.asarray(image)).save(png, exif=exif)
    return jpeg, png


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(500, 500), (501, 333), (257, 1000), (639, 427)])
def test_a_shrunk_jpeg_is_like_a_png(tmp_path: Path, mode: Resize, size: tuple[int, int]) -> None:
    jpeg, png = saved(tmp_path, smooth(*size))
    for target in ((63, 63), (62, 31), (28, 28), (97, 40), (15, 15)):
        conversion = Conversion((3, *target), mode)
        assert np.abs(decode(jpeg, conversion) - decode(png, conversion)).max() <= 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_like_a_png(tmp_path: Path, mode: Resize, orientation: int) -> None:
    jpeg, png = saved(tmp_path, smooth(333, 501), orientation)
    for shape in ((3, 31, 62), (1, 63, 28), (3, 333, 501), (3, None, None)):
        conversion = Conversion(shape, mode)
        shown = decode(jpeg, conversion), decode(png, conversion)
        assert shown[0].shape == shown[1].shape
        assert np.abs(shown[0] - shown[1]).max() <= 1


@pytest.mark.parametrize("target", [(128, 128), (40, 40), (9, 9), (100, 7)])
def test_a_lossless_jpeg_is_read_at_every_size(tmp_path: Path, target: tuple[int, int]) -> None:
    pixels = smooth(128, 128)[:, :, 0]
    (tmp_path / "a.jpg").write_bytes(lossless_jpeg(pixels))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    conversion = Conversion((1, *target))
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg", conversion), decode(tmp_path / "a.png", conversion))


@pytest.mark.parametrize(
    ("marker", "precision", "word"), [(0xC1, 12, "12 bits"), (0xC5, 8, "hierarchical"), (0xF7, 8, "LS")]
)
def test_kinds_that_are_not_read_are_called_by_their_names(
    tmp_path: Path, marker: int, precision: int, word: str
) -> None:
    content = bytearray(lossless_jpeg(smooth(16, 16)[:, :, 0]))
    content[3], content[6] = marker, precision
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=f"{word}.*not read"):
        decode(tmp_path / "a.jpg", Conversion())
