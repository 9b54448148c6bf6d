"""The axes and types of arrays of images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data.arrays.images import channels_first
from aecli.errors import InputError

RANDOM = np.random.default_rng(0)


def pixels(*shape: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(
    ("shape", "count", "expected"),
    [
        ((48, 64, 3), None, (1, 3, 48, 64)),
        ((5, 4, 3), None, (1, 3, 5, 4)),
        ((48, 64, 1), None, (1, 1, 48, 64)),
        ((48, 64, 4), None, (1, 3, 48, 64)),
        ((100, 28, 3), None, (1, 3, 100, 28)),
        ((100, 28, 3), 100, (100, 1, 28, 3)),
        ((48, 64, 3), 1, (1, 3, 48, 64)),
        ((3, 3, 3), None, (3, 1, 3, 3)),
        ((2, 9, 3), None, (2, 1, 9, 3)),
        ((6, 5, 4), None, (6, 1, 5, 4)),
        ((3, 48, 64), None, (3, 1, 48, 64)),
        ((1, 48, 64), None, (1, 1, 48, 64)),
        ((1, 48, 64), 1, (1, 1, 48, 64)),
        ((48, 64, 64), None, (48, 1, 64, 64)),
    ],
)
def test_three_axes_are_gray_images_or_one_image(
    shape: tuple[int, ...], count: int | None, expected: tuple[int, ...]
) -> None:
    array = pixels(*shape)
    images, notes = channels_first(array, "a.npy: images", count)
    assert images.shape == expected
    plain = array[None].transpose(0, 3, 1, 2) if expected[0] == 1 < shape[0] else array[:, None]
    if shape[-1] != 4:
        np.testing.assert_array_equal(images, plain)
    if count is None and (expected[0] == 1 < shape[0] or 3 in shape):
        assert any(str(shape) in note for note in notes), "an ambiguous shape is reported"


@pytest.mark.parametrize(
    "shape", [(), (5,), (6, 64), (2, 3, 8, 8, 3), (2, 5, 6, 7), (0, 28, 28), (2, 0, 28), (2, 28, 28, 2)]
)
def test_other_shapes_are_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="images") as caught:
        channels_first(np.zeros(shape, np.uint8), "a.npy: images")
    assert str(shape) in caught.value.message


def test_flattened_images_get_the_right_advice() -> None:
    with pytest.raises(InputError) as caught:
        channels_first(pixels(6, 784), "a.npy: images")
    assert "reshape(-1, 28, 28)" in str(caught.value.hint)
    assert "images[None]" in str(caught.value.hint)


@pytest.mark.parametrize("dtype", ["c16", "M8[s]", "m8[s]", "U3", "S3", "V2"])
def test_other_types_are_an_error(dtype: Any) -> None:
    with pytest.raises(InputError, match=r"a\.npy: images"):
        channels_first(np.zeros((2, 9, 9), dtype), "a.npy: images")


def test_transparent_images_equal_those_of_pillow() -> None:
    levels, opacity = np.meshgrid(np.arange(256), np.arange(256))
    rgba = np.stack([levels, 255 - levels, levels // 2, opacity], -1).astype(np.uint8)
    white = Image.new("RGBA", (256, 256), "white")
    expected = np.asarray(Image.alpha_composite(white, Image.fromarray(rgba)).convert("RGB"))
    for array in (rgba[None], rgba.transpose(2, 0, 1)[None], rgba):
        images, notes = channels_first(array, "images")
        np.testing.assert_array_equal(images[0].transpose(1, 2, 0), expected)
        assert any("opacity" in note for note in notes)


def test_transparent_floats_are_composited_on_white() -> None:
    rgba = np.full((2, 9, 9, 4), 0.5, np.float32)
    rgba[1, ..., 3] = 0.25
    images, _ = channels_first(rgba, "images")
    assert (images[0] == 0.75).all()
    assert (images[1] == 0.875).all()


@pytest.mark.parametrize(("dtype", "opaque"), [(np.uint16, 65535), (np.int32, 4095), (np.float32, 255.0)])
def test_opaque_images_of_any_type_are_read(dtype: Any, opaque: float) -> None:
    color = (RANDOM.random((2, 9, 9, 3)) * opaque).astype(dtype)
    rgba = np.concatenate([color, np.full((2, 9, 9, 1), opaque, dtype)], 3)
    images, _ = channels_first(rgba, "images")
    np.testing.assert_array_equal(images.transpose(0, 2, 3, 1), color)


def test_images_of_one_and_zero_opacity_of_other_types_are_an_error() -> None:
    rgba = np.zeros((2, 9, 9, 4), np.uint16)
    with pytest.raises(InputError, match="4 channels"):
        channels_first(rgba, "images")


@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
@pytest.mark.parametrize("shape", [(4, 9, 8), (4, 9, 8, 3), (4, 3, 9, 8), (9, 8, 3)])
def test_a_memory_map_is_not_copied(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", pixels(*shape).astype(dtype))
    images, _ = channels_first(np.load(tmp_path / "a.npy", mmap_mode="r"), "images")
    assert isinstance(images, np.memmap)
    assert images.ndim == 4
