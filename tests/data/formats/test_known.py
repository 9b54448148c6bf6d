"""Formats: which ones are read, and what the others are called."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli.data import image_files, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.formats import known as formats
from aecli.data.formats.known import AVIF, FORMATS, HEIC, JPEG_2000, SUFFIXES
from aecli.data.formats.opening import MAX_PIXELS

RAMP = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint8)
COLOR = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)

needs_avif = pytest.mark.skipif(not AVIF.is_available, reason="this Pillow has no AVIF")
needs_heif = pytest.mark.skipif(not HEIC.is_available, reason="needs pillow-heif")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        pytest.param("avif", {"quality": 95, "subsampling": "4:4:4"}, marks=needs_avif),
        ("jp2", {}),
        ("j2k", {}),
        pytest.param("heic", {"quality": 95, "chroma": 444}, marks=needs_heif),
    ],
)
def test_newer_formats_are_read(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    if suffix == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.fromarray(COLOR).save(tmp_path / f"a.{suffix}", **options)
    images = load(str(tmp_path))
    assert images.names.tolist() == [f"a.{suffix}"]
    assert np.abs(images.images[0].astype(int) - COLOR.transpose(2, 0, 1)).mean() < 2
    assert images.native_shape == (3, 64, 96)


@needs_avif
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_of_avif(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {1: COLOR, 3: np.rot90(COLOR, 2), 6: np.rot90(COLOR), 8: np.rot90(COLOR, -1)}[orientation]
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "a.avif", quality=95, exif=exif)
    image = image_files.decode(FileOnDisk(tmp_path / "a.avif"))
    assert image.native == image_files.native_shape(FileOnDisk(tmp_path / "a.avif")) == (3, 64, 96)
    assert np.abs(image.pixels.astype(int) - COLOR.transpose(2, 0, 1)).mean() < 3


def test_12_bits_of_gray_in_jpeg_2000(tmp_path: Path) -> None:
    deep = RAMP.astype(np.uint16) * 16
    Image.fromarray(deep).save(tmp_path / "a.jp2")
    images = load(str(tmp_path / "a.jp2"))
    np.testing.assert_allclose(images.images[0, 0], np.rint(deep * (255 / 4095)), atol=1)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.png", b"\0\0\1\0\1\0" + bytes(40), "ICO"),
        ("a.jpg", b"8BPS\0\1" + bytes(40), "PSD"),
        ("a.tga", b"\0\0\2" + bytes(40), "TGA"),
        ("a.png", b"\0\0\2" + bytes(9) + b"\x08\0\x08\0\x18\0" + bytes(192), "TGA"),
        ("a.png", b"DDS |" + bytes(120), "DDS"),
        ("a.jpg", b"%PDF-1.7\n", "PDF"),
        ("a.png", b"<?xml version='1.0'?>\n<svg xmlns='x'></svg>", "SVG"),
        ("a.jpg", b"<!DOCTYPE html><html></html>", "web page"),
        ("a.jpg", b"\0\0\0\x20ftypisom" + bytes(40), "video"),
        ("a.mp4", b"\0\0\0\x20ftypmp42" + bytes(40), "video"),
        ("a.jpg", b"\x1a\x45\xdf\xa3" + bytes(40), "video"),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "raw camera"),
        ("a.nef", b"MM\0*\0\0\0\x08" + bytes(40), "raw camera"),
        ("a.cr3", b"\0\0\0\x18ftypcrx " + bytes(40), "raw camera"),
        ("a.png", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        ("a.dcm", bytes(128) + b"DICM" + bytes(40), "DICOM"),
        ("a.exr", b"\x76\x2f\x31\x01" + bytes(40), "OpenEXR"),
        ("a.png", b"P7\nWIDTH 1\n", "PAM"),
    ],
)
def test_formats_that_are_not_read_are_called_by_their_names(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableImageError) as caught:
        image_files.decode(FileOnDisk(tmp_path / name))
    assert word in caught.value.reason
    assert "not read" in caught.value.reason


@pytest.mark.parametrize("suffix", [".psd", ".jpg", ".avif", ".txt", ""])
def test_the_content_decides_and_not_the_suffix(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(COLOR).save(tmp_path / f"a{suffix}", format="PNG")
    np.testing.assert_array_equal(
        image_files.decode(FileOnDisk(tmp_path / f"a{suffix}")).pixels, COLOR.transpose(2, 0, 1)
    )


def test_files_of_camera_makers_are_not_read_as_their_thumbnails(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(tmp_path / "a.tif")
    (tmp_path / "a.arw").write_bytes((tmp_path / "a.tif").read_bytes())
    with pytest.raises(UnreadableImageError, match="raw camera"):
        image_files.decode(FileOnDisk(tmp_path / "a.arw"))
    Image.fromarray(COLOR).save(tmp_path / "dng.tif", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(UnreadableImageError, match="raw camera"):
        image_files.decode(FileOnDisk(tmp_path / "dng.tif"))


def test_missing_decoders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "is_installed", lambda module: False)
    for name, content, hint in [
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(200), "aecli[heif]"),
        ("a.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0heic" + bytes(200), "aecli[heif]"),
        ("a.avif", b"\0\0\0\x18ftypavif" + bytes(200), "pillow"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError) as caught:
            image_files.decode(FileOnDisk(tmp_path / name))
        assert "pip install" in caught.value.reason
        assert hint in caught.value.reason


def test_suffixes_of_folders() -> None:
    assert {".mpo", ".dib", ".jp2", ".png", ".tiff"} <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)
    for one in FORMATS:
        assert set(one.suffixes) <= SUFFIXES or not one.is_available
    assert not SUFFIXES & set(formats.UNREAD_SUFFIXES)
    assert SUFFIXES < formats.KNOWN_SUFFIXES


@needs_avif
def test_a_large_avif_or_jpeg_2000_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(tmp_path / "a.avif")
    Image.fromarray(COLOR).save(tmp_path / "a.jp2")
    for name, marker in (("a.avif", b"ispe\0\0\0\0"), ("a.jp2", b"ihdr")):
        content = bytearray((tmp_path / name).read_bytes())
        start = content.index(marker) + len(marker)
        content[start : start + 8] = (12_000).to_bytes(4) + (12_000).to_bytes(4)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=f"{MAX_PIXELS:,}"):
            image_files.decode(FileOnDisk(tmp_path / name), Conversion((1, 8, 8)))


def test_every_format_has_a_plugin() -> None:
    Image.init()
    assert {one.plugin for one in FORMATS} - {HEIC.plugin} <= set(Image.OPEN)
    assert JPEG_2000.plugin in Image.OPEN
