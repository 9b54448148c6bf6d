"""The kinds of images that the Python interface takes, and the pixels that they become."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import aecli as package
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk
from aecli.data.image_files import decode
from aecli.data.levels import Levels
from aecli.errors import InputError
from aecli.inference.inputs import to_images
from aecli.inference.model import Model
from tests.command_line import succeed

Pixels = NDArray[np.uint8]
NOISE = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 8), dtype=np.uint8)
GRAY = NOISE[:, :1]
GRAY_MODEL = Conversion((1, 6, 8), levels="declared")
COLOR_MODEL = Conversion((3, 6, 8), levels="declared")
DEEP_MODEL = Conversion((1, 6, 8), levels=Levels(0, 4095))


def last(images: Pixels) -> Pixels:
    """Return (N, H, W, C) images of (N, C, H, W)."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def pillow(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


# Arrays and tensors


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        *((GRAY, GRAY), (last(GRAY), GRAY), (GRAY[:, 0], GRAY), (GRAY[:0], GRAY[:0]), ([], GRAY[:0])),
        *((GRAY[1], GRAY[1:2]), (last(GRAY)[1], GRAY[1:2]), (GRAY[1, 0], GRAY[1:2])),
        *(([GRAY[1]], GRAY[1:2]), ([GRAY[0], GRAY[1, 0], last(GRAY)[2], GRAY[3:]], GRAY), (tuple(GRAY), GRAY)),
        *((GRAY.tolist(), GRAY), (GRAY[1, 0].tolist(), GRAY[1:2]), ([GRAY[1].tolist(), GRAY[2]], GRAY[1:3])),
    ],
)
def test_layouts_of_gray_images(images: Any, expected: Pixels) -> None:
    converted = to_images(images, GRAY_MODEL)
    assert np.array_equal(converted, expected)
    assert (converted.dtype.name, converted.shape) == ("uint8", expected.shape)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        *((NOISE, NOISE), (last(NOISE), NOISE), (NOISE[1], NOISE[1:2]), (last(NOISE)[1], NOISE[1:2])),
        ([NOISE[0], last(NOISE)[1]], NOISE[:2]),
    ],
)
def test_layouts_of_color_images(images: Any, expected: Pixels) -> None:
    assert np.array_equal(to_images(images, COLOR_MODEL), expected)


@pytest.mark.parametrize(
    "convert",
    [
        *(torch.from_numpy, lambda images: torch.from_numpy(images) / 255, lambda images: images / 255),
        lambda images: (images / 255).astype(np.float32),
        lambda images: (torch.from_numpy(images) / 255).requires_grad_(),
        lambda images: images.astype(np.int64),
        lambda images: torch.from_numpy(images).to(torch.int32),
        lambda images: images.astype(np.uint16) * 257,
        lambda images: list(torch.from_numpy(images) / 255),
    ],
)
def test_types_give_the_same_pixels(convert: Callable[[Pixels], Any]) -> None:
    for images, model in ((NOISE, COLOR_MODEL), (GRAY, GRAY_MODEL)):
        assert np.array_equal(to_images(convert(images), model), images)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_tensors_of_low_precision(dtype: torch.dtype) -> None:
    converted = to_images((torch.from_numpy(GRAY) / 255).to(dtype), GRAY_MODEL)
    assert np.abs(converted.astype(int) - GRAY).max() <= 1


def test_booleans_and_values_that_exceed_the_range_by_rounding() -> None:
    assert np.array_equal(to_images(GRAY > 99, GRAY_MODEL), (GRAY > 99) * np.uint8(255))
    assert to_images(np.full((6, 8), 1 + 1e-6), GRAY_MODEL).min() == 255
    assert to_images(np.full((6, 8), -1e-6), GRAY_MODEL).max() == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_tensors_on_a_gpu() -> None:
    assert np.array_equal(to_images((torch.from_numpy(NOISE) / 255).cuda(), COLOR_MODEL), NOISE)


def test_an_array_that_fits_is_not_copied() -> None:
    assert to_images(NOISE, COLOR_MODEL) is NOISE


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_a_model_of_deep_images_uses_its_levels(kind: type) -> None:
    values = np.linspace(0, 4095, 48).reshape(6, 8)
    converted = to_images(values.astype(kind), DEEP_MODEL)
    assert np.array_equal(converted[0, 0], np.rint(values.astype(kind).astype(float) * 255 / 4095))
    assert np.array_equal(to_images(GRAY, DEEP_MODEL), GRAY)
    with pytest.raises(InputError, match="4,095"):
        to_images(values / 4095, DEEP_MODEL)


@pytest.mark.parametrize("levels", [Levels(0, 1), Levels(-1, 1)])
def test_a_model_for_which_1_is_white_refuses_larger_values(levels: Levels) -> None:
    model = Conversion((1, 6, 8), levels=levels)
    for images in (GRAY.astype(np.float32), GRAY.astype(int), GRAY.astype(np.uint16)):
        with pytest.raises(InputError, match="1 is white"):
            to_images(images, model)
    assert to_images(np.full((6, 8), 1.05), model).min() == 255  # as interpolated images have
    for dtype in (np.uint16, np.int64):
        assert np.array_equal(to_images((GRAY > 99).astype(dtype), model) == 255, GRAY > 99)


# Pillow images and files


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_pillow_images_are_converted_as_files_are(mode: str, resize: Any, tmp_path: Path) -> None:
    color = Image.fromarray(last(NOISE)[0].repeat(3, axis=1))
    deep = {
        "I;16": lambda: Image.fromarray(NOISE[0, 0].astype(np.uint16) * 257),
        "I": lambda: Image.fromarray(NOISE[0, 0].astype(np.int32) * 257),
        "F": lambda: Image.fromarray(NOISE[0, 0].astype(np.float32) / 255),
    }
    image = deep[mode]() if mode in deep else color.convert(mode)
    path = tmp_path / f"image.{'tiff' if mode in ('CMYK', 'F', 'I') else 'png'}"
    image.save(path)
    for channels in (1, 3):
        model = Conversion((channels, 5, 7), resize, "declared")
        expected = decode(FileOnDisk(path), model).pixels
        assert np.array_equal(to_images(image, model), expected[None])
        assert np.array_equal(to_images(path, model), expected[None])
        with Image.open(path) as opened:
            assert np.array_equal(to_images([opened, str(path), image], model), [expected] * 3)


def test_the_orientation_of_a_pillow_image_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pillow(NOISE[0]).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert np.array_equal(to_images(opened, Conversion((3, 8, 6)))[0], np.rot90(NOISE[0], -1, (1, 2)))


def test_a_pillow_image_stays_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(NOISE[0, 0].repeat(9, axis=0).repeat(9, axis=1)).save(tmp_path / "large.jpeg")
    with Image.open(tmp_path / "large.jpeg") as opened:
        to_images(opened, GRAY_MODEL)
        assert opened.size == (72, 54)


def test_a_list_may_mix_arrays_tensors_images_and_paths(tmp_path: Path) -> None:
    pillow(NOISE[3]).save(tmp_path / "3.png")
    mixed = [NOISE[0], torch.from_numpy(NOISE[1]), pillow(NOISE[2]), tmp_path / "3.png"]
    assert np.array_equal(to_images(mixed, COLOR_MODEL), NOISE)


# Refusals


@pytest.mark.parametrize(
    ("images", "noun"),
    [
        *((NOISE, "shape"), (NOISE[0], "shape"), (GRAY[:, :, :5], "shape"), (GRAY[0, 0, 0], "shape"), (5, "shape")),
        *((GRAY[None], "shape"), (np.zeros((8, 6)), "shape"), ([GRAY, GRAY], "item 0 .* 4 images")),
        *((np.full((6, 8), np.nan), "NaN"), (np.full((6, 8), np.inf, np.float32), "NaN")),
        *((GRAY / 1.0, r"0\.\.1"), (GRAY / 128 - 1, r"0\.\.1"), (GRAY.astype(int) - 300, r"0\.\.255")),
        *((GRAY.astype(np.uint32) * 257, r"0\.\.255"), (GRAY * 1j, "complex"), (np.array(["1.png"]), "numbers")),
        *((None, "NoneType"), (iter(GRAY), "iterator"), ({"images": GRAY}, "dict"), ([[1, 2], [3]], "shapes")),
        *(("none.png", "none.png"), ([GRAY[0], "none.png"], "none.png"), (Path("tests"), "folder")),
    ],
)
def test_other_input_is_refused_in_one_line(images: Any, noun: str) -> None:
    with pytest.raises(InputError, match=noun) as caught:
        to_images(images, GRAY_MODEL)
    assert "\n" not in caught.value.message


def test_a_pillow_image_whose_values_do_not_fit() -> None:
    with pytest.raises(InputError, match="values"):
        to_images(Image.fromarray(np.full((6, 8), 7, np.float32)), GRAY_MODEL)


# Models


def test_all_methods_of_a_model_take_all_kinds_of_images(
    conv_run: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    model: Model = package.load(conv_run, device="cpu")
    pillow(digits[0]).save(tmp_path / "0.png")
    kinds = [digits[:1] / 255, torch.from_numpy(digits[:1]), pillow(digits[0]), [tmp_path / "0.png"], digits[0, 0]]
    for method in (model.encode, model.score, model.reconstruct):
        expected = method(digits[:1])
        for images in kinds:
            assert np.array_equal(method(images), expected)


@pytest.mark.slow
def test_a_classifier_takes_all_kinds_of_images(digits: NDArray[np.uint8], tmp_path: Path) -> None:
    options = ("--recipe", "mlp-classifier", "--set", "model.arguments.code=3", "--epochs", "1")
    succeed("train", "digits", "-o", tmp_path / "run", "--device", "cpu", *options)
    model = package.load_classifier(tmp_path / "run", device="cpu")
    expected = model.classify(digits[:2])
    for images in (digits[:2] / 255, [pillow(digits[0]), digits[1]]):
        assert np.array_equal(model.classify(images), expected)
