"""Names in archives: inside the folder, unique, and turned back into the original ones."""

import os
from pathlib import PurePosixPath

import numpy as np
import pytest

from aecli.data.archive_names import archived_names, restored_names


def test_names_keep_their_folders_and_suffixes() -> None:
    assert archived_names(["a/1.jpg", "b/c/2.PNG", "3"]) == ["a/1.jpg.aec", "b/c/2.PNG.aec", "3.aec"]
    assert restored_names(["a/1.jpg.aec", "b/c/2.PNG.aec", "3.aec"]) == ["a/1.png", "b/c/2.png", "3.png"]


def test_a_class_that_is_no_folder_becomes_one() -> None:
    labels = np.array([0, 1, -1, 1])
    names = ["test/0", "b b/1.png", "2.png", "a/3.png"]
    assert archived_names(names, labels, ("a", "b b")) == [
        *("test/a/0.aec", "b b/b_b/1.png.aec", "2.png.aec", "a/b_b/3.png.aec")
    ]
    assert archived_names(["x/a/1.png"], np.array([0]), ("a",)) == ["x/a/1.png.aec"]


@pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "C:\\x.png", "a/../../x.png", "..", "\0", "./x.png"])
def test_names_stay_inside_the_archive(name: str) -> None:
    (archived,) = archived_names([name])
    path = PurePosixPath(archived)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert ":" not in archived
    assert "\0" not in archived
    assert path.suffix == ".aec"


def test_names_that_would_be_the_same_get_numbers() -> None:
    names = ["a/x.png", "../a/x.png", "/a/x.png", "A/X.png", "a/x-2.png"]
    archived = archived_names(names)
    assert archived[:2] == ["a/x.png.aec", "a/x-2.png.aec"]
    assert len({name.casefold() for name in archived}) == len(names)


def test_a_long_name_is_shortened_but_keeps_its_suffix() -> None:
    first, second = archived_names(["é" * 126 + ".png", "é" * 127 + ".png"])
    assert first != second
    for name in (first, second):
        assert name.endswith(".png.aec")
        assert len(os.fsencode(name)) <= 255


def test_restored_names_never_collide() -> None:
    archived = ["1.jpg.aec", "1.png.aec", "2.jpg.aec", "3.JPG.aec", "3.jpg.png.aec", "4.v2.aec", "A/5.jpg.aec"]
    archived += ["a/5.png.aec", "1.jpg.png.aec"]
    restored = restored_names(archived)
    assert len({name.casefold() for name in restored}) == len(archived)
    assert restored[:6] == ["1.jpg.png", "1.png.png", "2.png", "3.png", "3.jpg.png.png", "4.v2.png"]


def test_an_archive_of_an_archive_has_the_same_names() -> None:
    assert archived_names(["a/1.jpg.aec"]) == ["a/1.jpg.aec"]
