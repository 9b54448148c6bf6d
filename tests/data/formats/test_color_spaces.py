"""CIELAB and CMYK: the colors that their definitions and littlecms give, or a refusal."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from aecli.data import image_files
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from tests.data.formats.icc_writing import D50, SRGB_PRIMARIES, to_xyz
from tests.data.formats.tiff_writing import page, write_tiff

LEVELS = 3
"""Levels by which results of different arithmetic may differ."""
INKS = np.kron(np.random.default_rng(1).integers(0, 256, (2, 3, 4), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))


def decode(path: Path) -> NDArray[np.int64]:
    """Return the pixels of a file, (H, W, C)."""
    return image_files.decode(FileOnDisk(path)).pixels.transpose(1, 2, 0).astype(np.int64)


def lab_of(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIELAB of white D50 of levels of sRGB, (..., 3)."""
    levels = levels / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    ratio = linear @ to_xyz(SRGB_PRIMARIES).T / D50
    x, y, z = np.moveaxis(np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb_of(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return levels of sRGB of CIELAB of white D50, (..., 3)."""
    y = (lab[..., 0] + 16) / 116
    cubes = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    ratio = np.where(cubes > 6 / 29, cubes**3, (116 * cubes - 16) * 27 / 24389)
    linear = np.clip(ratio * D50 @ np.linalg.inv(to_xyz(SRGB_PRIMARIES)).T, 0, 1)
    return np.asarray(255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("compressed", [False, True])
def test_cielab_with_signed_colors(tmp_path: Path, *, compressed: bool) -> None:
    colors = np.stack(np.meshgrid(*[np.array([0, 50, 150, 255])] * 3), axis=-1).reshape(8, 8, 3)
    stored = np.rint(lab_of(colors.astype(float)) * [2.55, 1, 1])
    assert stored[:, :, 1:].min() < -20 < 20 < stored[:, :, 1:].max()
    content = stored.astype(np.int16).astype(np.uint8).tobytes()
    tags = page((8, 8), [8] * 3, 8, [zlib.compress(content) if compressed else content], t259=[8 if compressed else 1])
    path = write_tiff(tmp_path / "a.tif", tags)
    spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    exact = ImageCms.Flags.NOOPTIMIZE
    expected = ImageCms.profileToProfile(Image.open(path), *spaces, outputMode="RGB", flags=exact)
    assert expected is not None
    np.testing.assert_allclose(decode(path), np.asarray(expected).astype(int), atol=LEVELS)
    np.testing.assert_allclose(decode(path), rgb_of(stored / [2.55, 1, 1]), atol=LEVELS)
    assert np.abs(decode(path) - colors).mean() < 1


def test_cielab_needs_littlecms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [8] * 3, 8, [bytes(144)]))
    monkeypatch.setattr(features, "check", lambda name: name != "littlecms2")
    with pytest.raises(UnreadableImageError, match="CIELAB"):
        decode(path)


@pytest.mark.parametrize("compression", ["raw", "jpeg", "tiff_lzw", "tiff_adobe_deflate"])
def test_cmyk_in_a_tiff_is_not_inverted(tmp_path: Path, compression: str) -> None:
    quality = {"quality": 100} if compression == "jpeg" else {}
    image = Image.fromarray(INKS, "CMYK")
    image.save(tmp_path / "a.tif", compression=compression, **quality)  # type: ignore[arg-type]
    np.testing.assert_allclose(decode(tmp_path / "a.tif"), simple_rgb(INKS), atol=LEVELS)


def test_planes_and_16_bits_of_cmyk(tmp_path: Path) -> None:
    planes = [np.ascontiguousarray(INKS[:, :, index]).tobytes() for index in range(4)]
    planar = write_tiff(tmp_path / "a.tif", page((16, 24), [8] * 4, 5, planes, t284=[2]))
    deep = write_tiff(tmp_path / "b.tif", page((16, 24), [16] * 4, 5, [(INKS.astype("<u2") * 257).tobytes()]))
    for path in (planar, deep):
        np.testing.assert_allclose(decode(path), simple_rgb(INKS), atol=LEVELS)


def test_cmyk_jpeg_of_adobe_is_inverted(tmp_path: Path) -> None:
    """Programs of Adobe store the absence of ink, and add a segment with their name, as Pillow does."""
    path = tmp_path / "a.jpg"
    Image.fromarray(INKS, "CMYK").save(path, quality=100)
    assert b"Adobe" in path.read_bytes()[:40]
    np.testing.assert_allclose(decode(path), simple_rgb(INKS), atol=LEVELS)


def simple_rgb(inks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the colors of inks that have no profile: ink and black take away light one after the other."""
    return np.asarray((255.0 - inks[:, :, :3]) * (255.0 - inks[:, :, 3:]) / 255)
