"""The images of a DATA word one by one: names, order and pixels."""

from pathlib import Path

import numpy as np
import pytest

from aecli.data import load
from aecli.data.conversion import Conversion
from aecli.data.iteration import iterate_images
from aecli.errors import InputError
from tests.data.image_sets import Draw

SHAPE = (1, 6, 8)


def names(data: str) -> list[str]:
    return [image.name for image in iterate_images(data, Conversion(SHAPE))]


def test_a_file_keeps_the_spelling_of_the_user(tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "1.png")
    for spelled in ("1.png", "./1.png", str(tmp_path / "1.png")):
        assert names(spelled) == [spelled]


def test_a_file_called_like_standard_input_is_read(tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "1.png").rename(tmp_path / "-")
    (image,) = iterate_images("./-", Conversion(SHAPE))
    assert image.name == "./-"
    assert image.read().native == SHAPE


def test_a_folder_yields_all_files_and_a_split_its_own(tmp_path: Path, draw: Draw) -> None:
    for name in ("train/a/1.png", "test/b/2.png", "other/3.png", "4.png"):
        draw(tmp_path / name)
    assert names(str(tmp_path)) == [f"{tmp_path}/{name}" for name in sorted(load_all(tmp_path))]
    assert names(f"{tmp_path}:test") == [f"{tmp_path}/test/b/2.png"]
    assert names(f"{tmp_path}@a") == [f"{tmp_path}/train/a/1.png"]


def load_all(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]


def test_pixels_are_those_of_load(tmp_path: Path, draw: Draw) -> None:
    for index in range(3):
        draw(tmp_path / "set" / f"{index}.png", index, mode="RGB")
    np.savez(tmp_path / "set.npz", images=load(str(tmp_path / "set")).images)
    for data in (str(tmp_path / "set"), str(tmp_path / "set.npz"), "digits:test"):
        expected = load(data, conversion=Conversion((1, 4, 4))).images
        images = list(iterate_images(data, Conversion((1, 4, 4))))
        assert len({image.name for image in images}) == len(images) == len(expected)
        for image, pixels in zip(images[:20], expected, strict=False):
            np.testing.assert_array_equal(image.read().pixels, pixels)
    assert next(iterate_images(str(tmp_path / "set"), Conversion(SHAPE))).read().native == (3, 6, 8)


def test_an_unreadable_image_fails_when_it_is_read(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"x")
    good, damaged = iterate_images(str(tmp_path), Conversion(SHAPE))
    good.read()
    with pytest.raises(InputError):
        damaged.read()


@pytest.mark.parametrize("data", ["missing.png", "", "digits:val"])
def test_missing_data_is_an_error(data: str) -> None:
    with pytest.raises(InputError):
        list(iterate_images(data, Conversion(SHAPE)))
