"""Kinds of TIFF files that Pillow refuses or reads wrongly, and the choice of a TIFF's main image."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import image_files, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.levels import Levels
from aecli.data.shapes import FullShape
from aecli.errors import InputError
from tests.data.formats.tiff_writing import gray_page, packed_bits, page, write_tiff

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
DEEP = RAMP.astype(np.uint16) * 257
COLOR = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]], axis=-1)
ORDERS = ["<", ">"]


def decode(path: Path, levels: Any = "declared", number: int | None = None) -> NDArray[np.uint8]:
    file = FileOnDisk(path, number)
    image = image_files.decode(file, Conversion(levels=levels))
    assert image.native == image_files.native_shape(file) == image.pixels.shape
    assert image.depth == image_files.native_depth(file)
    return image.pixels


def in_order(values: NDArray[Any], order: str) -> bytes:
    return values.astype(values.dtype.newbyteorder("<" if order == "<" else ">")).tobytes()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_16_bit_gray_of_both_byte_orders(tmp_path: Path, order: str, *, big: bool, compressed: bool) -> None:
    tags, (strip,) = gray_page(DEEP, order)
    if compressed:
        tags, strip = {**tags, 259: [8]}, zlib.compress(strip)
    path = write_tiff(tmp_path / "a.tif", (tags, [strip]), order=order, big=big)
    np.testing.assert_array_equal(decode(path)[0], RAMP)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("planar", [False, True])
def test_16_bit_color_has_all_its_levels(
    tmp_path: Path, order: str, *, compressed: bool, tiled: bool, planar: bool
) -> None:
    twelve = COLOR >> 4  # 0..4080 of 65,535
    planes = [twelve[:, :, channel] for channel in range(3)] if planar else [twelve]
    tags: dict[str, list[int]] = {"t284": [2 if planar else 1]}
    if tiled:
        tags |= {"t322": [16], "t323": [16]}
        planes = [np.pad(plane, [(0, 10), (0, 8), *[(0, 0)] * (plane.ndim - 2)]) for plane in planes]
    strips = [in_order(plane, order) for plane in planes]
    if compressed:
        tags["t259"] = [8]
        strips = [zlib.compress(strip) for strip in strips]
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [16] * 3, 2, strips, **tags), order=order)
    pixels = decode(path, Levels(0, 4095))
    np.testing.assert_allclose(pixels, np.rint(twelve.transpose(2, 0, 1) * (255 / 4095)), atol=1)
    assert len(np.unique(pixels)) > 40


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", ["u2", "f4", "f8", "u4"])
@pytest.mark.parametrize("compressed", [False, True])
def test_white_is_zero_for_deep_values(tmp_path: Path, order: str, dtype: str, *, compressed: bool) -> None:
    white = 1 if dtype[0] == "f" else 65535
    values = (white - RAMP.astype(np.float64) / 255 * white).astype(dtype)
    tags, (strip,) = gray_page(values, order, t262=[0])
    if compressed:
        tags, strip = {**tags, 259: [8]}, zlib.compress(strip)
    path = write_tiff(tmp_path / "a.tif", (tags, [strip]), order=order)
    np.testing.assert_allclose(decode(path)[0].astype(int), RAMP, atol=1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("big", [False, True])
def test_white_is_zero_for_1_and_8_bits(tmp_path: Path, order: str, *, big: bool) -> None:
    path = write_tiff(tmp_path / "8.tif", gray_page(255 - RAMP, order, t262=[0]), order=order, big=big)
    np.testing.assert_array_equal(decode(path)[0], RAMP)
    bits = RAMP > 100
    strip = np.packbits(~bits, axis=1).tobytes()
    path = write_tiff(tmp_path / "1.tif", page((6, 8), [1], 0, [strip]), order=order, big=big)
    np.testing.assert_array_equal(decode(path)[0], bits * 255)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("scale", [1, 257])
def test_palettes_of_8_and_16_bits(tmp_path: Path, order: str, *, big: bool, scale: int) -> None:
    palette = [scale * (index * factor % 256) for factor in (1, 3, 7) for index in range(256)]
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [8], 3, [RAMP.tobytes()], t320=palette), order=order, big=big)
    expected = [RAMP.astype(int) * factor % 256 for factor in (1, 3, 7)]
    np.testing.assert_array_equal(decode(path), expected)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u4", "u8", "f2", "f4", "f8"])
def test_numbers_of_any_type(tmp_path: Path, order: str, dtype: str) -> None:
    values = (RAMP // 2).astype(dtype) if dtype[0] != "f" else (RAMP / 255).astype(dtype)
    path = write_tiff(tmp_path / "a.tif", gray_page(values, order), order=order)
    white = 1 if dtype[0] == "f" else 127
    np.testing.assert_allclose(decode(path, Levels(0, white))[0].astype(int), RAMP, atol=2)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 10, 12, 14, 24])
def test_packed_bits(tmp_path: Path, bits: int) -> None:
    values = RAMP.astype(np.uint64) * np.uint64(2**bits - 1) // np.uint64(255)
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [bits], 1, [packed_bits(values, bits)]), order=">")
    np.testing.assert_allclose(decode(path)[0].astype(int), RAMP, atol=255 / (2**bits - 1) + 1)


def test_24_bits_have_the_byte_order_of_the_file(tmp_path: Path) -> None:
    strip = (RAMP.astype("<u4") * 65793).reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [24], 1, [strip]))
    np.testing.assert_array_equal(decode(path)[0], RAMP)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_images_that_pillow_does_not_read(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((4, 6), np.uint16)
    upright[:2, :3], upright[:2, 3:] = 60000, 30000
    stored: dict[int, NDArray[np.uint16]] = {
        **{1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T},
        **{6: np.rot90(upright), 7: np.rot90(upright, 2).T, 8: np.rot90(upright, -1)},
    }
    tags = gray_page(np.ascontiguousarray(stored[orientation]).astype(np.float64) / 65535, t274=[orientation])
    path = write_tiff(tmp_path / "a.tif", tags)
    np.testing.assert_array_equal(decode(path)[0], np.rint(upright / 257))


@pytest.mark.parametrize(
    ("name", "description", "words"),
    [
        ("10 bits", page((6, 8), [10], 1, [bytes(72)], t259=[5]), ["10 bits", "16"]),
        ("planar YCbCr", page((6, 8), [8] * 3, 6, [bytes(48)] * 3, t284=[2]), ["planar YCbCr", "RGB"]),
        ("subsampled", page((6, 8), [8] * 3, 6, [bytes(72)]), ["YCbCr"]),
        ("floats", page((6, 8), [64], 1, [bytes(400)], t259=[5], t339=[3]), ["64-bit floats", "16"]),
        ("complex", page((6, 8), [64], 1, [bytes(400)], t339=[6]), ["complex"]),
        ("LERC", page((6, 8), [8], 1, [bytes(48)], t259=[34887]), ["LERC"]),
        ("planar CIELAB", page((6, 8), [8] * 3, 8, [bytes(48)] * 3, t284=[2]), ["planar CIELAB", "RGB"]),
        ("CIELAB of 16 bits", page((6, 8), [16] * 3, 8, [bytes(288)]), ["CIELAB", "16 bits"]),
        ("CIELAB with alpha", page((6, 8), [8] * 4, 8, [bytes(192)], t338=[2]), ["CIELAB", "4 channels"]),
        ("CIELAB without colors", page((6, 8), [8], 8, [bytes(48)]), ["CIELAB", "1 channel "]),
        ("ICCLAB", page((6, 8), [8] * 3, 9, [bytes(144)]), ["ICCLAB"]),
        ("sensor data", page((6, 8), [16], 32803, [bytes(96)]), ["sensor"]),
        ("channels", page((6, 8), [16] * 5, 1, [bytes(480)], t259=[5]), ["5 channels"]),
        ("planes", page((6, 8), [16] * 5, 1, [bytes(96)] * 5, t284=[2], t338=[0] * 4), ["5 channels"]),
        ("gray planes", page((6, 8), [16] * 3, 1, [bytes(96)] * 3, t284=[2]), ["3 channels"]),
        ("planar CMYK", page((6, 8), [16] * 4, 5, [bytes(96)] * 4, t284=[2]), ["planar CMYK", "RGB"]),
        ("planes of unknown use", page((6, 8), [16] * 4, 2, [bytes(96)] * 4, t284=[2]), ["4 channels"]),
        ("12 bits of color", page((6, 8), [12] * 3, 2, [bytes(216)], t259=[5]), ["12 bits", "RGB"]),
    ],
)
def test_kinds_that_are_not_read_are_called_by_their_names(
    tmp_path: Path, name: str, description: Any, words: list[str]
) -> None:
    path = write_tiff(tmp_path / "a.tif", description)
    with pytest.raises(UnreadableImageError) as caught:
        decode(path)
    assert all(word in caught.value.reason for word in ["TIFF", "not read", *words]), caught.value.reason


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("marks", [{"t254": [1]}, {"t254": [4]}, {"t254": [5]}, {"t255": [2]}])
def test_reduced_copies_and_masks_are_no_pages(
    tmp_path: Path, order: str, *, big: bool, marks: dict[str, list[int]]
) -> None:
    main, small = gray_page(RAMP, order), gray_page(RAMP[::2, ::2], order, **marks)
    for name, pages in (("after.tif", (main, small, small)), ("before.tif", (small, main))):
        path = write_tiff(tmp_path / name, *pages, order=order, big=big)
        np.testing.assert_array_equal(decode(path)[0], RAMP)
        assert image_files.page_count(FileOnDisk(path)) == 1


def test_pages_are_counted_without_reduced_copies(tmp_path: Path) -> None:
    pages = [gray_page(RAMP), gray_page(RAMP[::2], t254=[1]), gray_page(DEEP), gray_page(RAMP[:, ::-1], t254=[2])]
    path = write_tiff(tmp_path / "a.tif", *pages)
    assert image_files.page_count(FileOnDisk(path)) == 3
    with pytest.raises(UnreadableImageError, match="pages"):
        decode(path)
    for number, expected in enumerate([RAMP, RAMP, RAMP[:, ::-1]]):
        np.testing.assert_array_equal(decode(path, number=number)[0], expected)
    with pytest.raises(UnreadableImageError, match="no page 4"):
        decode(path, number=3)


def test_a_compressed_page_is_found(tmp_path: Path) -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", number=1)[0], RAMP[::-1])


@pytest.mark.parametrize("dtype", ["f4", "i4", "i2"])
def test_packed_big_endian_numbers(tmp_path: Path, dtype: str) -> None:
    values = (RAMP / 255 if dtype == "f4" else RAMP // 2).astype(dtype)
    tags, (strip,) = gray_page(values, ">", t259=[32773])
    parts = [strip[at : at + 128] for at in range(0, len(strip), 128)]
    literal = b"".join(bytes([len(part) - 1]) + part for part in parts)  # PackBits
    path = write_tiff(tmp_path / "a.tif", (tags, [literal]), order=">")
    pixels = decode(path, Levels(0, 1 if dtype == "f4" else 127))
    np.testing.assert_allclose(pixels[0].astype(int), RAMP, atol=2)


def test_a_chain_of_directories_that_does_not_end(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", gray_page(RAMP))
    content = bytearray(path.read_bytes())
    start = int.from_bytes(content[4:8], "little")
    content[-4:] = start.to_bytes(4, "little")
    path.write_bytes(content)
    np.testing.assert_array_equal(decode(path)[0], RAMP)


def test_truncated_samples_are_an_error(tmp_path: Path) -> None:
    tags, (strip,) = gray_page(DEEP.astype(np.float64))
    path = write_tiff(tmp_path / "a.tif", (tags, [strip[:100]]))
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode(path)


def test_transparency_of_deep_color(tmp_path: Path) -> None:
    values = np.concatenate([COLOR, np.full((6, 8, 1), 65535, np.uint16)], axis=2)
    values[0, 0, 3] = 0
    path = write_tiff(tmp_path / "a.tif", page((6, 8), [16] * 4, 2, [values.tobytes()], t338=[2]))
    pixels = decode(path)
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(pixels[:, 1:], np.rint(COLOR / 257).transpose(2, 0, 1)[:, 1:])


def test_the_shape_is_read_without_the_pixels(tmp_path: Path) -> None:
    expected: FullShape = (1, 6, 8)
    path = write_tiff(tmp_path / "a.tif", gray_page(RAMP.astype(np.float64)))
    path.write_bytes(path.read_bytes()[:8] + bytes(384) + path.read_bytes()[392:])
    assert image_files.native_shape(FileOnDisk(path)) == expected


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_are_read_by_their_range(tmp_path: Path, channels: int) -> None:
    """A TIFF of 32-bit floats in 0..1, -1..1, 0..255 or of a detector; slightly more than 1 is clipped."""
    ramp = np.linspace(0, 1, 48 * channels, dtype="<f4")
    for low, high, white in [(0, 1, 1), (-1, 1, 1), (0, 255, 255), (0, 4000, 4095), (0, 1.05, 1)]:
        values = low + ramp * (high - low)
        tags = page((6, 8), [32] * channels, 2 if channels == 3 else 1, [values.tobytes()], t339=[3] * channels)
        path = write_tiff(tmp_path / "a.tif", tags)
        images = load(str(path))
        black = -1 if low else 0
        assert images.levels == Levels(black, white)
        expected = np.clip((values - black) / (white - black) * 255, 0, 255).reshape(6, 8, channels)
        np.testing.assert_allclose(images.images[0].transpose(1, 2, 0), expected, atol=0.501)
        assert any("float32" in note for note in images.notes)


@pytest.mark.parametrize(
    ("value", "reason", "hint"),
    [
        (np.nan, "NaN", "finite"),
        (np.inf, "infinite", "finite"),
        (-500, "black and white", "scale"),
        (1e12, "1e", "0..1"),
    ],
)
def test_floats_that_are_no_levels_are_refused(tmp_path: Path, value: float, reason: str, hint: str) -> None:
    values = np.linspace(0, 255, 48, dtype=np.float32).reshape(6, 8)
    values[2, 3] = value
    path = write_tiff(tmp_path / "a.tif", gray_page(values))
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        decode(path, "measured")
    assert hint in str(caught.value.hint)
    with pytest.raises(InputError, match=reason):
        load(str(path))


def test_gray_with_premultiplied_alpha_is_on_white(tmp_path: Path) -> None:
    gray, alpha = np.meshgrid(np.arange(0, 128, 16, dtype=np.uint8), np.array([255, 128, 0], np.uint8))
    gray = np.minimum(gray, alpha)
    content = np.stack([gray, alpha], axis=-1).tobytes()
    path = write_tiff(tmp_path / "a.tif", page(gray.shape, [8, 8], 1, [content], t338=[1]))
    expected = gray.astype(float) + 255 - alpha
    assert np.abs(decode(path)[0] - expected).max() <= 2


def test_an_orientation_of_xmp_does_not_count_without_the_tag(tmp_path: Path) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description tiff:Orientation='6'/></x:xmpmeta>"
    image = Image.fromarray(np.stack([RAMP, RAMP, 255 - RAMP], axis=-1))
    image.save(tmp_path / "a.tif", tiffinfo={700: xmp})
    with Image.open(tmp_path / "a.tif") as opened:
        assert b"Orientation" in opened.info["xmp"]
    np.testing.assert_array_equal(decode(tmp_path / "a.tif"), np.asarray(image).transpose(2, 0, 1))
