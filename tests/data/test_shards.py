"""Several archives that are one set: their names, labels and splits, and patterns with braces."""

import os
from pathlib import Path

import pytest

from aecli.data import load
from aecli.data.conversion import Conversion
from aecli.data.iteration import iterate_images
from aecli.data.registry import resolve
from aecli.data.shards import expand_braces
from aecli.errors import InputError, UnavailableError
from tests.data.archive_writing import write_tar
from tests.data.image_sets import labels_of, png, values


@pytest.mark.parametrize("folders", [("cat", "dog"), ("cat", "cat/dog")])
def test_a_shard_of_one_class_keeps_it(tmp_path: Path, folders: tuple[str, str]) -> None:
    """Packed in the order of their names, the first shards hold one class only."""
    for shard, text in enumerate(folders):
        files = {f"{name}/{shard}{index}.png": png(index) for index, name in enumerate(text.split("/"))}
        write_tar(tmp_path / f"photos-{shard}.tar", files)
    images = load(f"{tmp_path}/photos-{{0..1}}.tar")
    assert images.class_names == ("cat", "dog")
    assert -1 not in labels_of(images)


def test_shards_with_folders_of_their_own_names_lose_them(tmp_path: Path) -> None:
    for shard in ("a", "b"):
        write_tar(tmp_path / f"{shard}.tar", {f"{shard}/cat/{shard}1.png": png(1), f"{shard}/dog/{shard}2.png": png(2)})
    images = load(f"{tmp_path}/{{a,b}}.tar")
    assert images.class_names == ("cat", "dog")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_more_shards_than_open_files_are_read_or_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    for shard in range(3):
        write_tar(tmp_path / f"{shard}.tar", {f"{shard}.png": png(shard)})
    limits, raised = [300, 400], []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[0] - 50, limits[1]))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, values: raised.append(values))
    assert values(f"{tmp_path}/{{0..2}}.tar") == [0, 1, 2]
    assert raised == [(259, 400)]
    limits[:] = [300, 255]
    with pytest.raises(UnavailableError, match="open files") as refused:
        load(f"{tmp_path}/{{0..2}}.tar")
    assert "ulimit -n 259" in (refused.value.hint or "")


def test_shards_are_one_set(tmp_path: Path) -> None:
    for shard in range(12):
        files = {"0.png": png(shard), "0.cls": f"class{shard % 2}".encode(), "1.png": png(shard + 100), "1.cls": b"b"}
        write_tar(tmp_path / f"photos-{shard:03}.tar", files)
    data = f"{tmp_path}/photos-{{000..011}}.tar"
    images = load(data)
    assert images.images[:4, 0, 0, 0].tolist() == [0, 100, 1, 101]
    assert images.names[:4].tolist() == [f"photos-{shard:03}/{name}.png" for shard in range(2) for name in range(2)]
    assert images.class_names == ("b", "class0", "class1")
    assert labels_of(images)[:4] == [1, 0, 2, 0]
    assert len(load(f"{data}:train")) + len(load(f"{data}:test")) == 24
    assert load(f"{data}@b").names.tolist() == [f"photos-{shard:03}/1.png" for shard in range(12)]
    assert len(resolve(data).paths) == 12
    names = [image.name for image in iterate_images(data, Conversion((1, 4, 4)))]
    assert names[1] == f"{tmp_path}/photos-000.tar:1.png"


def test_an_image_has_the_same_name_in_all_sets_of_shards(tmp_path: Path) -> None:
    """Splits follow names, and images are found by them."""
    for shard, names in enumerate((["a.png", "same.png"], ["b.png"], ["2/same.png", "c.png", "same.png"])):
        write_tar(tmp_path / f"{shard}.tar", {name: png(0) for name in names})
    sets = ("0..1", "1..2", "0..2")
    first, last, whole = (load(f"{tmp_path}/{{{shards}}}.tar").names.tolist() for shards in sets)
    assert first == ["0/a.png", "0/same.png", "1/b.png"]
    assert whole == [*first, *last[1:]]
    assert len(set(whole)) == 6


def test_missing_shards_are_an_error(tmp_path: Path) -> None:
    write_tar(tmp_path / "a-0.tar", {"0.png": png(0)})
    with pytest.raises(InputError, match=r"2 of the 3 .*a-1\.tar"):
        load(f"{tmp_path}/a-{{0..2}}.tar")
    with pytest.raises(InputError, match=r"3 of the 3 .*b-0\.tar"):
        load(f"{tmp_path}/b-{{0..2}}.tar")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a-{08..10}.tar", ["a-08.tar", "a-09.tar", "a-10.tar"]),
        ("{a,b}-{1..2}", ["a-1", "a-2", "b-1", "b-2"]),
        ("{2..0}", ["2", "1", "0"]),
        ("plain", ["plain"]),
        ("{a}", ["{a}"]),
        ("{", ["{"]),
    ],
)
def test_braces(pattern: str, names: list[str]) -> None:
    assert expand_braces(pattern) == names


@pytest.mark.parametrize("pattern", ["{0..999999999}.tar", "{0..9999}-{0..9999}"])
def test_too_many_shards_are_an_error(pattern: str) -> None:
    with pytest.raises(InputError, match="more than"):
        expand_braces(pattern)
