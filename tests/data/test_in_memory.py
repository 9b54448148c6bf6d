"""Images in memory are read as files of them would be."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from aecli.data import DataOptions, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import ImageInMemory
from aecli.data.in_memory import memory_ref
from aecli.data.options import Pages
from aecli.errors import InputError

NOISE = np.random.default_rng(0).integers(0, 256, (6, 3, 20, 24), dtype=np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        NOISE,
        NOISE.transpose(0, 2, 3, 1),
        NOISE[:, 0],
        NOISE / np.float32(255),
        NOISE[:, :1].astype(np.uint16) * 16,
        NOISE[:, 0] > 127,
    ],
    ids=["channels first", "channels last", "gray", "float", "12 bits", "bool"],
)
def test_an_array_is_read_as_its_file(array: NDArray[Any], tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", array)
    expected = load(str(tmp_path / "array.npy"))
    for given in (array, torch.from_numpy(np.ascontiguousarray(array)), list(array)):
        found = load(memory_ref(given))
        assert np.array_equal(found.images, expected.images)
        assert found.names.tolist() == expected.names.tolist()
        assert (found.levels, found.fingerprint) == (expected.levels, expected.fingerprint)


def test_labels_become_classes() -> None:
    found = load(memory_ref(NOISE, ["a", "b", "a", "", "b", "a"]))
    assert found.class_names == ("a", "b")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 0, -1, 1, 0]
    assert load(memory_ref(NOISE, torch.arange(6))).class_names == tuple("012345")
    with pytest.raises(InputError, match="labels"):
        memory_ref(NOISE, [1, 2])


def test_lists_of_files_and_pillow_images_are_converted_as_files(tmp_path: Path) -> None:
    paths = []
    for index, pixels in enumerate(NOISE):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)[: 12 + index])).save(paths[-1])
    conversion = Conversion((1, 8, 8))
    expected = load(str(tmp_path), conversion=conversion).images
    with ExitStack() as stack:
        opened = [stack.enter_context(Image.open(path)) for path in paths]
        arrays = [np.asarray(image.copy()) for image in opened]
        for given in (paths, list(map(str, paths)), opened, arrays, [paths[0], opened[1], *arrays[2:]]):
            assert np.array_equal(load(memory_ref(given), conversion=conversion).images, expected)
    assert load(memory_ref(paths), conversion=conversion).names.tolist() == list(map(str, paths))
    with pytest.raises(InputError, match="differ in size"):
        load(memory_ref(paths))


@pytest.mark.parametrize("pages", ["refuse", "first", "all"])
def test_a_pillow_image_is_one_page(pages: Pages, tmp_path: Path) -> None:
    frames = [Image.fromarray(pixels) for pixels in NOISE[:2, 0]]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.tif") as opened:
        opened.seek(1)
        images = load(memory_ref([frames[0], opened]), DataOptions(pages=pages))
    assert np.array_equal(images.images[:, 0], NOISE[:2, 0])


def test_an_image_set_keeps_its_names_and_labels() -> None:
    digits = load("digits:test")
    found = load(memory_ref(digits))
    assert (found.word, found.class_names) == ("digits:test", digits.class_names)
    assert np.array_equal(found.names, digits.names)
    assert found.fingerprint == digits.fingerprint


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="differ in shape"):
        memory_ref([NOISE[0] / 255.0, NOISE[0, :, :5] / 255.0])
    with pytest.raises(InputError, match="NaN"):
        memory_ref(np.full((2, 4, 4), np.nan))
    with pytest.raises(InputError, match="numbers"):
        memory_ref([object(), object()])
    Image.fromarray(NOISE[0, 0].astype(np.uint16) * 200).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match="8 bits"):
        memory_ref(load(str(tmp_path)))
    with pytest.raises(InputError, match="missing"):
        load(memory_ref([tmp_path / "missing.png"]))


def test_images_of_the_same_pixels_differ_by_colors_and_metadata() -> None:
    """They are cached by their state."""
    indices = Image.fromarray(NOISE[0, 0] % 4).convert("P")
    states = set()
    for palette in ([0, 0, 0, 255, 0, 0], [0, 0, 0, 0, 255, 0]):
        for info in ({}, {"transparency": 1}, {"exif": b"Exif\0\0MM"}, {"icc_profile": b"x"}):
            image = indices.copy()
            image.putpalette(palette)
            image.info.update(info)
            states.add(ImageInMemory(image, "a").state())
    assert len(states) == 8
