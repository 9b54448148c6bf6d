"""Decoding image files: formats, orientation, color modes, bit depths, damage."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import image_files
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.formats.opening import MAX_PIXELS
from aecli.data.image_files import quiet
from aecli.data.masks import ImageMasks
from aecli.data.shapes import NATIVE, FullShape, Shape
from aecli.errors import ExitStatus

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOR = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)


def decode(path: Path, shape: Shape = NATIVE) -> tuple[NDArray[np.uint8], FullShape]:
    image = image_files.decode(FileOnDisk(path), Conversion(shape, levels="declared"))
    return image.pixels, image.native


def native_shape(path: Path) -> FullShape:
    return image_files.native_shape(FileOnDisk(path))


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "pgm", "webp"])
def test_gray_pixels_are_unchanged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RAMP).save(path, lossless=True)
    pixels, native = decode(path, (1, None, None))
    np.testing.assert_array_equal(pixels[0], RAMP)
    assert native[1:] == (6, 8)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_color_pixels_are_unchanged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOR).save(path, lossless=True)
    pixels, native = decode(path)
    np.testing.assert_array_equal(pixels, COLOR.transpose(2, 0, 1))
    assert native == native_shape(path) == (3, 6, 8)


def test_jpeg_is_close_and_color_to_gray_is_luma(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (255, 0, 0)).save(tmp_path / "red.jpg", quality=95)
    assert abs(int(decode(tmp_path / "red.jpg")[0][0].mean()) - 255) <= 3
    assert abs(float(decode(tmp_path / "red.jpg", (1, None, None))[0].mean()) - 0.299 * 255) <= 2


def save_turned(upright: NDArray[np.uint8], path: Path, orientation: int, **options: Any) -> None:
    """Save (H, W) pixels turned, with the EXIF orientation that turns them back."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **options)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :24], upright[:16, 24:], upright[16:, :24] = 250, 160, 80
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"quality": 95} if suffix == "jpg" else {"lossless": True}
    save_turned(upright, path, orientation, **options)
    pixels, native = decode(path, (1, None, None))
    assert native[1:] == native_shape(path)[1:] == (32, 48)
    np.testing.assert_allclose(pixels[0].astype(int), upright, atol=6)
    small, _ = decode(path, (1, 8, 12))  # a JPEG is decoded at reduced scale
    np.testing.assert_allclose(small[0, 1:3, 1:5].astype(int), 250, atol=8)
    np.testing.assert_allclose(small[0, 5:7, 1:5].astype(int), 80, atol=8)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("size", [(8, 8), (5, 13), (10, 31)])
def test_a_turned_image_is_padded_as_the_upright_one(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    """Of an odd margin, the smaller half is left and above, where the image, its mask and its heatmap have it."""
    upright = np.random.default_rng(0).integers(100, 256, (5, 8), dtype=np.uint8)
    Image.fromarray(upright).save(tmp_path / "upright.png")
    save_turned(upright, tmp_path / "turned.png", orientation)
    conversion = Conversion((1, *size), "pad")
    expected, padded = (
        image_files.decode(FileOnDisk(tmp_path / name), conversion).pixels for name in ("upright.png", "turned.png")
    )
    np.testing.assert_array_equal(padded > 0, expected > 0)
    np.testing.assert_allclose(padded.astype(int), expected, atol=1)  # rounding between rows and columns
    mask = ImageMasks("a", None, (FileOnDisk(tmp_path / "turned.png"),)).read(size, "pad")
    np.testing.assert_array_equal(mask, padded[0] > 0)


def test_orientation_after_the_pixels_of_a_png_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "late.png"
    Image.fromarray(RAMP).save(path)
    body = b"eXIf" + b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = path.read_bytes()
    path.write_bytes(data[:-12] + chunk + data[-12:])
    pixels, native = decode(path)
    assert native == native_shape(path) == (1, 8, 6)
    np.testing.assert_array_equal(pixels[0], np.rot90(RAMP, -1))


def test_palettes_are_expanded(tmp_path: Path) -> None:
    color = Image.fromarray(COLOR).quantize(16)
    color.save(tmp_path / "color.png")
    expected = np.asarray(color.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode(tmp_path / "color.png")[0], expected)
    gray = Image.fromarray(RAMP // 16)
    gray.putpalette([value for gray_value in range(16) for value in [gray_value * 17] * 3])
    gray.save(tmp_path / "gray.png")
    pixels, native = decode(tmp_path / "gray.png")
    assert native == native_shape(tmp_path / "gray.png") == (1, 6, 8)
    np.testing.assert_array_equal(pixels[0], RAMP // 16 * 17)


def test_a_transparent_palette_is_composited_on_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.save(tmp_path / "p.png", transparency=0)
    image.save(tmp_path / "p.gif", transparency=0)
    for name in ("p.png", "p.gif"):
        np.testing.assert_array_equal(decode(tmp_path / name)[0][:, 0], [[255, 200], [255, 0], [255, 0]])


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bit_gray_is_scaled(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    pixels, native = decode(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(pixels[0], np.rint(values / 257))
    assert native == (1, 1, 6)


def test_a_transparent_16_bit_value_is_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[1000, 65535, 0]], np.uint16)).save(path)
    data = path.read_bytes()
    body = b"tRNS" + struct.pack(">H", 1000)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])
    np.testing.assert_array_equal(decode(path)[0], [[[255, 255, 0]]])


def test_alpha_is_composited_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (100, 0, 0, 51)).save(tmp_path / "rgba.png")
    assert decode(tmp_path / "rgba.png")[0][:, 0, 0].tolist() == [224, 204, 204]
    Image.new("LA", (2, 2), (0, 0)).save(tmp_path / "la.png")
    pixels, native = decode(tmp_path / "la.png")
    assert native == native_shape(tmp_path / "la.png") == (1, 2, 2)
    assert (pixels == 255).all()


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("LAB", "tif")])
def test_other_color_models_become_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    image: Image.Image | None = Image.new("RGB", (16, 16), (200, 60, 40))
    assert image is not None
    if mode == "LAB":
        from PIL import ImageCms

        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = ImageCms.applyTransform(image, to_lab)
    else:
        image = image.convert(mode)
    assert image is not None
    image.save(tmp_path / f"a.{suffix}")
    pixels, native = decode(tmp_path / f"a.{suffix}")
    assert native == (3, 16, 16)
    np.testing.assert_allclose(pixels[:, 8, 8].astype(int), [200, 60, 40], atol=6)


@pytest.mark.parametrize("suffix", ["png", "tif", "pbm", "bmp"])
def test_one_bit_becomes_black_and_white(tmp_path: Path, suffix: str) -> None:
    bits = RAMP > 100
    Image.fromarray(bits).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(decode(tmp_path / f"a.{suffix}", (1, None, None))[0][0], bits * 255)


def test_32_bit_images_are_read_if_they_fit_the_levels_of_their_type(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 65535]], np.int32)).save(tmp_path / "fits.tif")
    np.testing.assert_array_equal(decode(tmp_path / "fits.tif")[0], [[[0, 255]]])
    Image.fromarray(np.array([[0, 65536]], np.int32)).save(tmp_path / "large.tif")
    with pytest.raises(UnreadableImageError, match="16 bits"):
        decode(tmp_path / "large.tif")
    Image.fromarray(np.array([[0.2, 1]], np.float32)).save(tmp_path / "float.tif")
    np.testing.assert_array_equal(decode(tmp_path / "float.tif")[0], [[[51, 255]]])
    Image.fromarray(np.array([[0.2, 1.5]], np.float32)).save(tmp_path / "bright.tif")
    with pytest.raises(UnreadableImageError, match="floats"):
        decode(tmp_path / "bright.tif")
    Image.fromarray(np.array([[0, np.nan]], np.float32)).save(tmp_path / "nan.tif")
    with pytest.raises(UnreadableImageError, match="NaN"):
        decode(tmp_path / "nan.tif")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_several_frames_are_an_error(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    for read in (decode, native_shape):
        with pytest.raises(UnreadableImageError, match="frames"):
            read(tmp_path / f"a.{suffix}")


def test_the_main_image_of_a_multi_picture_jpeg_is_read(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(
        tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[Image.new("RGB", (4, 4))]
    )
    assert decode(tmp_path / "a.jpg")[0].shape == (3, 6, 8)


def test_a_decompression_bomb_is_an_error_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.fromarray(RAMP).save(path)
    data = bytearray(path.read_bytes())
    for side in (9_600, 10_001, 60_000):  # Pillow accepts the first, warns of the second and refuses the third
        data[16:24] = struct.pack(">II", side, side + 500)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UnreadableImageError, match=f"{MAX_PIXELS:,}"):
                decode(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "ppm", "webp"])
def test_a_truncated_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format={"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
    path = tmp_path / f"cut.{suffix}"
    for kept in (0.6, 0.1, 0.005):
        path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * kept) + 4])
        with pytest.raises(UnreadableImageError) as caught:
            decode(path)
        assert caught.value.status is ExitStatus.INPUT
        assert str(path) in caught.value.message
        assert "\n" not in caught.value.message
        assert len(caught.value.reason) < 60


def test_reasons_describe_the_damage(tmp_path: Path) -> None:
    reasons = {}
    for name, data in {"empty.png": b"", "text.png": b"hello", "cut.png": b"\x89PNG\r\n\x1a\n\0\0"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableImageError) as caught:
            decode(tmp_path / name)
        reasons[name] = caught.value.reason
    assert "empty" in reasons["empty.png"]
    assert "not an image" in reasons["text.png"]
    assert "damaged PNG" in reasons["cut.png"]
    with pytest.raises(UnreadableImageError, match="no such"):
        decode(tmp_path / "missing.png")


def test_a_pipe_is_an_error_without_reading_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableImageError, match="not a regular file"):
        decode(tmp_path / "pipe.png")


def test_random_damage_raises_only_unreadable_image_errors(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "webp", "bmp", "tif", "gif", "ppm", "jp2"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(noise).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(30):
            damaged = whole.copy()
            damaged[generator.integers(0, min(len(whole), 200), 8)] = generator.integers(0, 256, 8)
            path.write_bytes(damaged.tobytes())
            try:
                pixels, _ = decode(Path(path), (3, 8, 8))
            except UnreadableImageError:
                continue
            assert pixels.shape == (3, 8, 8)


def test_warnings_are_as_before_once_all_threads_are_done() -> None:
    """A thread that is still decoding when another one fails must not leave its filters behind."""
    before, first, second = list(warnings.filters), Event(), Event()

    def decode_late() -> None:
        with quiet():
            first.set()
            second.wait(10)

    with quiet():
        late = Thread(target=decode_late)
        late.start()
        first.wait(10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.warn("hidden while a thread decodes", stacklevel=1)
    assert not caught
    second.set()
    late.join()
    assert list(warnings.filters) == before


@pytest.mark.parametrize("bits", [2, 4])
def test_the_transparent_value_of_few_bits_is_white(tmp_path: Path, bits: int) -> None:
    values = np.arange(16, dtype=np.uint8).reshape(4, 4) % (1 << bits)
    rows = b"".join(b"\0" + np.packbits((row[:, None] >> np.arange(bits)[::-1]) & 1).tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 4, bits, 0, 0, 0, 0)), (b"tRNS", struct.pack(">H", 2))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        content += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    (tmp_path / "a.png").write_bytes(content)
    scale = 255 // ((1 << bits) - 1)
    pixels, _ = decode(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels[0], np.where(values == 2, 255, values * scale))
