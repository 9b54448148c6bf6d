"""Masks of every kind of file are read as which pixels are marked, or refused with one clear reason."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import load
from aecli.data.conversion import Conversion, Resize
from aecli.data.encoded import FileOnDisk
from aecli.data.mask_folder import with_masks
from aecli.data.masks import ImageMasks, UnusableMaskError
from aecli.errors import InputError
from tests.data.layout_writing import write_mvtec

SIZE = (40, 60)
MARKED = np.zeros(SIZE, bool)
MARKED[10:20, 16:36] = True

Write = Callable[[Path], None]


def save(pixels: NDArray[np.generic], path: Path, mode: str | None = None) -> None:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def palette(path: Path) -> None:
    image = Image.fromarray(MARKED.astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 1, 0, 0])
    image.save(path)


def transparent(path: Path) -> None:
    levels = np.where(MARKED[..., None], [255, 0, 0, 255], [255, 255, 255, 0]).astype(np.uint8)
    save(levels, path)


def turned(path: Path) -> None:
    """Store the mask turned by 90 degrees, with an EXIF orientation that turns it back."""
    image = Image.fromarray(np.rot90(MARKED).astype(np.uint8) * 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


USABLE: dict[str, Write] = {
    "white.png": lambda path: save(MARKED.astype(np.uint8) * 255, path),
    "one.png": lambda path: save(MARKED.astype(np.uint8), path),
    "bits.png": lambda path: save(MARKED, path),
    "colors.png": lambda path: save(np.stack([0 * MARKED, 0 * MARKED, MARKED], 2).astype(np.uint8), path),
    "palette.png": palette,
    "transparent.png": transparent,
    "turned.png": turned,
    "deep.png": lambda path: save(MARKED.astype(np.uint16), path),
    "deep.tif": lambda path: save(MARKED.astype(np.uint16) * 65535, path),
    "float.tif": lambda path: save(MARKED.astype(np.float32) / 100, path),
    "lossy.jpg": lambda path: save(MARKED.astype(np.uint8) * 255, path),
    "half.bmp": lambda path: save(MARKED[::2, ::2].astype(np.uint8), path),
    "double.png": lambda path: save(MARKED.repeat(2, 0).repeat(2, 1), path),
}


@pytest.fixture(scope="module")
def mvtec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("mvtec"))


@pytest.fixture
def image(tmp_path: Path) -> FileOnDisk:
    save(np.zeros(SIZE, np.uint8), tmp_path / "image.png")
    return FileOnDisk(tmp_path / "image.png")


@pytest.mark.parametrize("name", USABLE)
def test_a_mask_of_any_kind_marks_the_same_pixels(name: str, image: FileOnDisk, tmp_path: Path) -> None:
    USABLE[name](tmp_path / name)
    found = ImageMasks("image", image, (FileOnDisk(tmp_path / name),)).read(SIZE, "stretch")
    np.testing.assert_array_equal(found, MARKED)


def test_the_masks_of_an_image_are_joined(image: FileOnDisk, tmp_path: Path) -> None:
    other = np.zeros(SIZE, bool)
    other[30:35, 50:55] = True
    files = []
    for index, marked in enumerate((MARKED, other)):
        save(marked, tmp_path / f"{index}.png")
        files.append(FileOnDisk(tmp_path / f"{index}.png"))
    found = ImageMasks("image", image, tuple(files)).read(SIZE, "stretch")
    np.testing.assert_array_equal(found, MARKED | other)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_mask_is_converted_as_its_image_is(resize: Resize, image: FileOnDisk, tmp_path: Path) -> None:
    save(MARKED.astype(np.uint8) * 255, tmp_path / "image.png")
    save(MARKED.astype(np.uint8) * 255, tmp_path / "mask.png")
    converted = load(str(tmp_path / "image.png"), conversion=Conversion((1, 30, 30), resize)).images[0, 0]
    found = ImageMasks("image", image, (FileOnDisk(tmp_path / "mask.png"),)).read((30, 30), resize)
    assert (found == (converted > 127)).mean() > 0.97


def text(path: Path) -> None:
    path.write_text("no image")


def nothing(path: Path) -> None:
    """Write no file."""


def animated(path: Path) -> None:
    frames = [Image.fromarray((MARKED * level).astype(np.uint8)) for level in (255, 128)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


HOSTILE: dict[str, tuple[Write, str, str]] = {
    "text.png": (text, "unreadable", "not an image"),
    "empty.png": (Path.touch, "unreadable", "empty"),
    "missing.png": (nothing, "unreadable", "no such"),
    "animated.gif": (animated, "unreadable", "several frames"),
    "wide.png": (lambda path: save(np.ones((40, 90), bool), path), "of another size", "90x40"),
    "black.png": (lambda path: save(np.zeros(SIZE, np.uint8), path), "empty", "no pixel"),
    "photo.png": (lambda path: save(np.full((*SIZE, 3), 90, np.uint8), path), "full", "every pixel"),
    "nan.tif": (lambda path: save(np.full(SIZE, np.nan, np.float32), path), "unreadable", "NaN"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mask_that_cannot_be_used_has_one_reason(name: str, image: FileOnDisk, tmp_path: Path) -> None:
    write, kind, noun = HOSTILE[name]
    write(tmp_path / name)
    with pytest.raises(UnusableMaskError) as caught:
        ImageMasks("image", image, (FileOnDisk(tmp_path / name),)).read(SIZE, "stretch")
    assert caught.value.kind == kind
    assert noun in caught.value.reason
    assert "--pages" not in caught.value.reason
    assert name in caught.value.message
    assert "\n" not in caught.value.message


def test_an_image_without_a_mask_is_named() -> None:
    with pytest.raises(UnusableMaskError, match=r"broken/1\.png"):
        ImageMasks("broken/1.png").read(SIZE, "stretch")


def test_a_defect_that_vanishes_at_the_size_of_the_model_is_refused(image: FileOnDisk, tmp_path: Path) -> None:
    dot = np.zeros(SIZE, bool)
    dot[0, 0] = True
    save(dot, tmp_path / "dot.png")
    with pytest.raises(UnusableMaskError, match="6x4"):
        ImageMasks("image", image, (FileOnDisk(tmp_path / "dot.png"),)).read((4, 6), "stretch")


# Masks of loaded images


def test_masks_are_loaded_with_their_images(mvtec: Path) -> None:
    images = load(f"{mvtec}:test")
    assert images.masks is not None
    named = dict(zip(images.names.tolist(), images.masks, strict=True))
    assert [mask.where for mask in named["test/broken/003.png"].files] == [f"{mvtec}/ground_truth/broken/003_mask.png"]
    assert named["test/good/003.png"].files == ()
    taken = images.take(np.array([3]))
    assert taken.masks is not None
    assert [masks.name for masks in taken.masks] == taken.names.tolist()
    assert load(str(mvtec / "test")).masks is None


@pytest.mark.parametrize("word", ["test/broken", ":test@broken"])
@pytest.mark.parametrize("folder", ["ground_truth", "ground_truth/broken"])
def test_masks_are_found_in_a_folder(word: str, folder: str, mvtec: Path) -> None:
    images = load(f"{mvtec}{word if word.startswith(':') else '/' + word}")
    if folder == "ground_truth" and word == "test/broken":
        with pytest.raises(InputError, match="no mask of the 10 images") as caught:
            with_masks(images, mvtec / folder)
        assert "_mask.png" in str(caught.value.hint)
        return
    found = with_masks(images, mvtec / folder).masks
    assert found is not None
    assert [Path(masks.name).stem for masks in found] == [
        Path(masks.files[0].where).stem.removesuffix("_mask") for masks in found
    ]


def test_a_mask_that_fits_two_images_is_refused(mvtec: Path) -> None:
    images = load(f"{mvtec}:test")
    with pytest.raises(InputError, match="fits 2 images"):
        with_masks(images, mvtec / "ground_truth" / "broken")


def test_a_folder_that_does_not_exist_is_refused(mvtec: Path) -> None:
    with pytest.raises(InputError, match="folder of masks"):
        with_masks(load(f"{mvtec}:test"), mvtec / "none")
