"""Conversion to the requested shape and depth: aspect ratios, and images of more than 8 bits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import DataOptions, load
from aecli.data.conversion import Conversion, Resize
from aecli.data.iteration import iterate_images
from aecli.data.levels import Levels
from aecli.data.resize import middle
from aecli.errors import InputError
from tests.data.formats.tiff_writing import packed_bits, page, write_tiff

Write = Callable[[NDArray[np.generic], str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an image file into a folder; returns the folder."""

    def save(pixels: NDArray[np.generic], name: str) -> str:
        Image.fromarray(pixels).save(tmp_path / name)
        return str(tmp_path)

    return save


def spots(count: int, largest: float) -> list[NDArray[np.float64]]:
    """Return images of one bright spot, 32x32, with values from `largest` / 20 to `largest`."""
    y, x = np.mgrid[:32, :32]
    centers = np.random.default_rng(0).uniform(8, 24, (count, 2))
    return [largest * (0.05 + 0.95 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 20)) for cx, cy in centers]


# Aspect ratios

WIDE = np.zeros((20, 40), np.uint8)
WIDE[:, :10], WIDE[:, 30:] = 100, 200


@pytest.mark.parametrize(
    ("resize", "columns", "rows"), [("stretch", True, True), ("crop", False, True), ("pad", True, False)]
)
def test_a_wide_image_becomes_square(write: Write, tmp_path: Path, resize: Resize, columns: bool, rows: bool) -> None:
    folder = write(WIDE + 20, "wide.png")
    np.save(tmp_path / "wide.npy", WIDE[None] + 20)
    pixels = load(folder, conversion=Conversion((1, 8, 8), resize)).images[0, 0]
    assert (pixels[4, 0] > 100) == (pixels[4, 7] > 200) == columns, "the left and the right band"
    assert (pixels[0] > 0).all() == (pixels[7] > 0).all() == rows, "the full height"
    from_array = load(str(tmp_path / "wide.npy"), conversion=Conversion((1, 8, 8), resize)).images[0, 0]
    np.testing.assert_array_equal(from_array, pixels)


def test_a_crop_keeps_the_middle_of_a_tall_image(write: Write) -> None:
    folder = write(np.ascontiguousarray(np.rot90(WIDE)), "tall.png")
    cropped = load(folder, conversion=Conversion((1, 20, 20), "crop")).images[0, 0]
    np.testing.assert_array_equal(cropped, np.zeros((20, 20)))
    padded = load(folder, conversion=Conversion((1, 40, 40), "pad")).images[0, 0]
    np.testing.assert_array_equal(padded, np.pad(np.rot90(WIDE), ((0, 0), (10, 10))))


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (64, 3), (333, 200)])
def test_every_size_can_be_reached(write: Write, resize: Resize, size: tuple[int, int]) -> None:
    folder = write(WIDE, "wide.png")
    assert load(folder, conversion=Conversion((3, *size), resize)).image_shape == (3, *size)


def test_the_size_without_padding_is_kept(write: Write, tmp_path: Path) -> None:
    shapes = {"a": (20, 40), "b": (40, 20), "c": (7, 7)}
    for name, size in shapes.items():
        folder = write(np.full(size, 200, np.uint8), f"{name}.png")
    np.save(tmp_path / "wide.npy", np.full((2, 20, 41), 200, np.uint8))
    conversion = Conversion((1, 9, 15), "pad")
    for data in (folder, f"{tmp_path}/wide.npy"):
        for options in (DataOptions(), DataOptions(memory_budget=1), DataOptions(memory_budget=1)):
            images = load(data, options, conversion)
            for index, pixels in enumerate(images.images[:, 0]):
                inner = images.inner_size(index)
                assert inner is not None
                assert middle(pixels, inner).min() == 200
                assert (pixels > 0).sum() == inner[0] * inner[1]
            assert images.take(np.array([1])).inner_size(0) == images.inner_size(1)
            assert load(data, options, Conversion((1, 9, 15))).inner_size(0) is None


def test_changed_aspect_ratios_are_noted_with_their_share(write: Write) -> None:
    for index in range(6):
        write(np.zeros((10, 10), np.uint8), f"{index}.png")
        write(WIDE, f"wide{index}.png")
    write(np.zeros((10, 10), np.uint8), "square.png")
    write(np.zeros((10, 11), np.uint8), "nearly_square.png")
    write(np.zeros((20, 20), np.uint8), "larger.png")
    folder = write(WIDE, "wide.png")
    shape = (1, 8, 8)
    assert any("44% of the images changed" in note for note in load(folder, conversion=Conversion(shape)).notes)
    assert any("44%" in note and "crop" in note for note in load(folder, conversion=Conversion(shape, "crop")).notes)
    assert any("44%" in note and "pad" in note for note in load(folder, conversion=Conversion(shape, "pad")).notes)


# Images unlike those that the model was trained on


@pytest.mark.parametrize(
    ("native", "expected", "warned"),
    [
        ((3, 256, 256), (1, 28, 28), True),
        ((3, 300, 300), (3, 300, 300), False),
        ((3, 600, 500), (3, 300, 300), False),
        ((1, 28, 28), (3, 256, 256), True),
    ],
)
def test_images_of_another_scale_than_the_training_images_are_warned_of(
    write: Write, native: tuple[int, int, int], expected: tuple[int, int, int], warned: bool
) -> None:
    pixels = np.zeros(native, np.uint8)
    folder = write(np.ascontiguousarray(pixels[0] if native[0] == 1 else pixels.transpose(1, 2, 0)), "a.png")
    warnings = load(folder, conversion=Conversion((1, 28, 28), expected=expected)).warnings
    assert bool(warnings) == warned
    assert all(f"{native[2]}x{native[1]}" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("native", "target", "warned"),
    [
        ((3, 256, 256), (1, 28, 28), True),
        ((3, 256, 256), (3, 28, 28), True),
        ((3, 256, 256), (3, 64, 64), False),
        ((3, 32, 32), (1, 28, 28), False),
        ((1, 100, 100), (1, 28, 28), False),
    ],
)
def test_a_size_that_loses_most_details_is_warned_of(
    write: Write, native: tuple[int, int, int], target: tuple[int, int, int], warned: bool
) -> None:
    pixels = np.zeros(native, np.uint8)
    folder = write(np.ascontiguousarray(pixels[0] if native[0] == 1 else pixels.transpose(1, 2, 0)), "a.png")
    assert bool(load(folder, conversion=Conversion(target)).warnings) == warned


# Images of more than 8 bits


def test_twelve_bit_images_keep_their_gray_levels(write: Write) -> None:
    for index, values in enumerate(spots(20, 4000)):
        folder = write(values.astype(np.uint16), f"{index}.tif")
    images = load(folder)
    assert images.levels == Levels(0, 4095)
    assert len(np.unique(images.images)) > 200
    expected = np.rint(np.floor(spots(20, 4000)[0]) * 255 / 4095)
    np.testing.assert_array_equal(images.images[0, 0], expected)
    assert any("4,095 is white" in note for note in images.notes)


@pytest.mark.parametrize(("bits", "white"), [(8, 255), (10, 1023), (12, 4095), (14, 16383), (16, 65535)])
@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_the_white_level_is_the_depth_of_the_camera(write: Write, bits: int, white: int, suffix: str) -> None:
    for index, values in enumerate(spots(3, 2**bits - 2)):
        folder = write(values.astype(np.uint16), f"{index}.{suffix}")
    images = load(folder)
    assert images.levels == Levels(0, white)
    assert images.images.max() >= 250


@pytest.mark.parametrize(
    ("values", "levels", "expected"),
    [
        (np.array([[0, 2**19, 2**20 - 1]], np.int32), Levels(0, 2**20 - 1), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), Levels(0, 1), [0, 128, 255]),
        (np.array([[-1, 0, 1]], np.float32), Levels(-1, 1), [0, 128, 255]),
        (np.array([[0, 100, 255]], np.float32), Levels(0, 255), [0, 100, 255]),
    ],
)
def test_integers_of_32_bits_and_floats_are_read_by_their_range(
    write: Write, values: NDArray[np.generic], levels: Levels, expected: list[int]
) -> None:
    images = load(write(values, "a.tif"))
    assert images.levels == levels
    assert images.images[0, 0, 0].tolist() == expected


def test_values_that_are_no_images_are_an_error(write: Write) -> None:
    folder = write(np.array([[0, np.nan]], np.float32), "a.tif")
    with pytest.raises(InputError, match="finite"):
        load(folder)


def test_given_levels_hold_for_sets_and_for_single_images(write: Write) -> None:
    folder = write(np.array([[0, 1000, 2000, 4000]], np.uint16), "a.png")
    conversion = Conversion(levels=Levels(0, 2000))
    assert load(folder, conversion=conversion).images.ravel().tolist() == [0, 128, 255, 255]
    (image,) = iterate_images(folder, conversion)
    assert image.read().pixels.ravel().tolist() == [0, 128, 255, 255]
    np.save(Path(folder) / "a.npy", np.array([[[0, 1000, 2000, 4000]]], np.uint16))
    for data in (
        load(f"{folder}/a.npy", conversion=conversion).images,
        next(iterate_images(f"{folder}/a.npy", conversion)).read().pixels,
    ):
        assert data.ravel().tolist() == [0, 128, 255, 255]


def test_integers_do_not_fit_levels_whose_white_is_1(write: Write, tmp_path: Path) -> None:
    """A model that was trained on floats in 0..1 would see white images; floats may exceed white on purpose."""
    conversion = Conversion(levels=Levels(0, 1))
    write(np.array([[0, 1, 1]], np.uint16), "mask.png")
    assert load(f"{tmp_path}/mask.png", conversion=conversion).images.ravel().tolist() == [0, 255, 255]
    write(np.array([[0, 0.5, 3]], np.float32), "bright.tif")
    assert load(f"{tmp_path}/bright.tif", conversion=conversion).images.ravel().tolist() == [0, 128, 255]
    write(np.array([[0, 300, 4000]], np.uint16), "deep.png")
    np.save(tmp_path / "deep.npy", np.array([[[0, 300, 4000]]], np.uint16))
    for name in ("deep.png", "deep.npy"):
        with pytest.raises(InputError, match=rf"{name}.*4,000.*1 is white"):
            load(f"{tmp_path}/{name}", conversion=conversion)


def test_images_that_use_a_small_part_of_the_levels_are_noted(write: Write) -> None:
    folder = write(np.array([[0, 4000]], np.uint16), "a.png")
    dark = load(folder, conversion=Conversion(levels="declared"))
    assert dark.images.max() == 16
    assert any("model.white=4095" in note for note in dark.notes)
    assert not any("model.white" in note for note in load(folder).notes)
    ten_bits = page((1, 2), [10], 1, [packed_bits(np.array([[0, 1000]], np.uint16), 10)])
    path = write_tiff(Path(folder) / "b.tif", ten_bits, order=">")
    (note,) = load(str(path), conversion=Conversion(levels="declared")).notes
    assert "1,023 is white" in note


def test_measured_levels_do_not_depend_on_the_memory_budget(write: Write) -> None:
    for index, values in enumerate(spots(3, 4000)):
        folder = write(values.astype(np.uint16), f"{index}.tif")
    in_memory = load(folder)
    for _ in range(2):  # decoded into the cache, and then read from it
        mapped = load(folder, DataOptions(memory_budget=1))
        np.testing.assert_array_equal(mapped.images, in_memory.images)
        assert (mapped.levels, mapped.native_shape) == (in_memory.levels, in_memory.native_shape)
        assert mapped.notes[:-1] == in_memory.notes


def test_images_of_8_bits_are_unchanged_beside_deep_images(write: Write) -> None:
    write(np.array([[0, 4000]], np.uint16), "deep.png")
    folder = write(np.array([[7, 200]], np.uint8), "plain.png")
    assert load(folder).images[1].ravel().tolist() == [7, 200]


def test_the_typical_shape_of_images_of_many_sizes_is_the_median(write: Write) -> None:
    for index, side in enumerate((10, 20, 30, 40, 500)):
        folder = write(np.zeros((side, 2 * side), np.uint8), f"{index}.png")
    assert load(folder, conversion=Conversion((1, 8, 8))).native_shape == (1, 30, 60)
