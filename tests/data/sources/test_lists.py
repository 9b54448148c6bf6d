"""Lists of images: `.csv`, `.tsv` and `.jsonl` with paths, labels and splits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli.data import DataOptions, ImageSet, describe, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import UnreadableImageError
from aecli.data.iteration import iterate_images
from aecli.data.registry import resolve
from aecli.errors import InputError, UnavailableError
from tests.data.image_sets import Draw, labels_of

Write = Callable[..., str]
NAMES = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]


@pytest.fixture
def write(tmp_path: Path, draw: Draw) -> Write:
    """Write a list beside four images; returns its DATA word."""
    for seed, name in enumerate(NAMES):
        draw(tmp_path / name, seed)

    def write_list(content: str | bytes, name: str = "list.csv") -> str:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return str(tmp_path / name)

    return write_list


def classes_of(images: ImageSet) -> list[str | None]:
    """The class of each image, None without one."""
    if images.labels is None:
        return [None] * len(images)
    return [None if label < 0 else images.class_names[label] for label in labels_of(images)]


def json_lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# Values


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "path,label,split\na/1.png,cat,train\nb/2.png,dog,test\na/2.png,,valid\n"),
        ("list.csv", "path;label;split\na/1.png;cat;train\nb/2.png;dog;test\na/2.png;;val"),
        ("list.csv", "sep=;\nlabel;path;split\ncat;a/1.png;train\ndog;b/2.png;test\n;a/2.png;val\n"),
        ("list.csv", "\ufeffpath,label,split\r\na/1.png,cat,train\r\nb/2.png,dog,test\r\na/2.png,,val\r\n"),
        ("LIST.CSV", "Split,File Name, Class \ntrain,a\\1.png,cat\nTest,b\\2.png, dog\nVALIDATION,a\\2.png,\n"),
        ("list.tsv", "filename\ttarget\tsplit\na/1.png\tcat\ttrain\nb/2.png\tdog\ttest\na/2.png\t\tdev\n"),
        ("list.csv", '"path","label","split"\n"a/1.png","cat","train"\n\nb/2.png,dog,test\n,,\na/2.png,"",val\n'),
        ("list.csv", '"path", "label", "split"\n"a/1.png", "cat", "train"\n"b/2.png", "dog", "test"\na/2.png, , val\n'),
        ("list.csv", "path,split,label\n./a/1.png,train,cat\nb//2.png,test,dog\na/2.png,val\n"),
        (
            "metadata.jsonl",
            json_lines(
                {"file_name": "a/1.png", "label": "cat", "split": "train"},
                {"split": "test", "label": "dog", "file_name": "b/2.png"},
                {"file_name": "a/2.png", "label": None, "split": "val"},
            ),
        ),
        (
            "list.ndjson",
            '{"image": "a/1.png", "category": "cat", "split": "train"}\r\n\r\n'
            '{"image": "b/2.png", "category": "dog", "split": "test"}\r\n{"image": "a/2.png", "split": "val"}\r\n',
        ),
    ],
)
def test_paths_labels_and_splits_in_all_formats(write: Write, tmp_path: Path, name: str, content: str) -> None:
    word = write(content, name)
    images = load(word)
    assert images.names.tolist() == ["a/1.png", "b/2.png", "a/2.png"]
    assert classes_of(images) == ["cat", "dog", None]
    pixels = [np.asarray(Image.open(tmp_path / name)) for name in images.names]
    assert np.array_equal(images.images[:, 0], pixels)
    assert not images.notes
    assert resolve(word).source.splits() == ("train", "val", "test")
    for split, index in {"train": 0, "test": 1, "val": 2}.items():
        part = load(f"{word}:{split}")
        assert part.word == f"{word}:{split}"
        assert part.names.tolist() == [images.names[index]]
        assert part.class_names == ("cat", "dog")
        assert np.array_equal(part.images[0], images.images[index])
    assert load(word, training=True).names.tolist() == ["a/1.png"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.jsonl"])
def test_byte_order_marks(write: Write, draw: Draw, tmp_path: Path, name: str, encoding: str) -> None:
    draw(tmp_path / "é.png")
    separator = "\t" if name.endswith("tsv") else ","
    text = '{"path": "é.png", "label": "ü"}\r\n' if name.endswith("jsonl") else f"path{separator}label\r\né.png,ü\r\n"
    images = load(write(text.replace(",ü\r", f"{separator}ü\r").encode(encoding), name))
    assert (images.names.tolist(), images.class_names) == (["é.png"], ("ü",))


@pytest.mark.parametrize(
    ("labels", "names", "indices"),
    [
        (["10", "2", "2", "0"], ("0", "2", "10"), [2, 1, 1, 0]),
        (["1.0", "0.0", "", "10.0"], ("0", "1", "10"), [1, 0, -1, 2]),
        (["0.5", "-1", "nan", "0.25"], ("-1", "0.25", "0.5"), [2, 0, -1, 1]),
        (["b", "10", "2", "b"], ("10", "2", "b"), [2, 0, 1, 2]),
    ],
)
def test_numbers_are_sorted_by_value(write: Write, labels: list[str], names: tuple[str, ...], indices: Any) -> None:
    rows = [f"{name},{label}\n" for name, label in zip(NAMES, labels, strict=True)]
    images = load(write("path,label\n" + "".join(rows)))
    assert images.class_names == names
    assert labels_of(images) == indices


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 2, None, 0], ["10", "2", None, "0"]),
        ([True, False, True, None], ["true", "false", "true", None]),
        ([1.0, float("nan"), 3.0, ""], ["1", None, "3", None]),
        (["10", 10, "x", 2.5], ["10", "10", "x", "2.5"]),
        ([None] * 4, [None] * 4),
    ],
)
def test_labels_in_json_may_have_any_simple_type(write: Write, labels: list[Any], classes: list[Any]) -> None:
    rows = [{"path": name, "label": label} for name, label in zip(NAMES, labels, strict=True)]
    images = load(write(json_lines(*rows), "list.jsonl"))
    assert classes_of(images) == classes
    if labels[0] == 10:
        assert images.class_names == ("0", "2", "10")


def test_without_a_column_of_splits_images_are_split_by_their_names(write: Write) -> None:
    word, reversed_word = (
        write("path\n" + "\n".join(names), name) for names, name in [(NAMES, "list.csv"), (NAMES[::-1], "reversed.csv")]
    )
    assert resolve(word).source.splits() == ()
    train, test = load(f"{word}:train"), load(f"{word}:test")
    assert sorted([*train.names, *test.names]) == NAMES
    assert load(f"{reversed_word}:test").names.tolist() == test.names.tolist()[::-1]
    assert train.labels is None
    assert load(f"{word}:all").names.tolist() == NAMES


def test_an_empty_column_of_splits_is_none(write: Write) -> None:
    word = write("path,split\n" + "".join(f"{name},\n" for name in NAMES))
    assert len(load(f"{word}:train")) + len(load(f"{word}:test")) == 4
    assert not load(word).notes


def test_rows_without_a_split_are_in_all_only(write: Write) -> None:
    word = write("path,split\na/1.png,train\na/2.png,\nb/1.png,test\n")
    assert load(word).names.tolist() == ["a/1.png", "a/2.png", "b/1.png"]
    assert any("1 image" in note and "split" in note for note in load(word).notes)
    assert load(f"{word}:train").names.tolist() == ["a/1.png"]
    with pytest.raises(InputError, match="val"):
        load(f"{word}:val")


def test_other_columns_are_ignored_and_noted_once(write: Write) -> None:
    table = load(write("id,path,width,label,class\n1,a/1.png,8,x,y\n2,a/2.png,8,x,z\n"))
    assert table.class_names == ("x",)
    assert [note for note in table.notes if "id, width, class" in note] == list(table.notes)
    rows = [{"file_name": name, "objects": {"bbox": [[1, 2, 3, 4]]}} for name in NAMES]
    objects = load(write(json_lines(*rows, {"file_name": "a/1.png", "tags": []}), "list.jsonl"))
    assert any("objects, tags" in note for note in objects.notes)


def test_classes_of_a_data_word_and_labels_from(write: Write) -> None:
    word = write("path,label\na/1.png,3\na/2.png,5\n")
    assert load(f"{word}@3").names.tolist() == ["a/1.png"]
    assert load(word, DataOptions(labels_from="none")).labels is None
    assert load(word, DataOptions(labels_from="prefix")).class_names == ("3", "5")


def test_prefixes_are_labels_without_a_column(write: Write, draw: Draw, tmp_path: Path) -> None:
    draw(tmp_path / "cat_1.png")
    assert load(write("path\ncat_1.png\n"), DataOptions(labels_from="prefix")).class_names == ("cat",)


def test_absolute_paths_and_files_beside_the_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists").mkdir()
    word = write(f"path\n{tmp_path}/a/1.png\n../a/2.png\n", "lists/list.csv")
    images = load(word)
    assert images.names.tolist() == [f"{tmp_path}/a/1.png", "../a/2.png"]
    assert len(images) == 2
    monkeypatch.chdir(tmp_path / "lists")
    assert np.array_equal(load("list.csv").images, images.images)


def test_quoted_cells_hold_delimiters_and_quotes(write: Write, draw: Draw, tmp_path: Path) -> None:
    draw(tmp_path / 'one, "two".png')
    images = load(write('path,label\n"one, ""two"".png","a,b"\n'))
    assert (images.names.tolist(), images.class_names) == (['one, "two".png'], ("a,b",))


def test_a_list_gives_the_same_images_as_the_folder(write: Write, tmp_path: Path) -> None:
    word = write("path,label\n" + "".join(f"{name},{name[0]}\n" for name in NAMES))
    assert load(word).fingerprint == load(str(tmp_path)).fingerprint


# Detection


def test_each_image_of_a_list_is_read_when_it_is_scored(write: Write, tmp_path: Path) -> None:
    word = write("path,split\na/1.png,train\nmissing.png,test\nb/2.png,\n")
    first, missing, last = iterate_images(word, Conversion((1, 6, 8)))
    assert [first.name, last.name] == [str(tmp_path / "a/1.png"), str(tmp_path / "b/2.png")]
    assert np.array_equal(last.read().pixels[0], np.asarray(Image.open(tmp_path / "b/2.png")))
    with pytest.raises(UnreadableImageError):
        missing.read()
    assert [reader.name for reader in iterate_images(f"{word}:train", Conversion((1, 6, 8)))] == [first.name]


# Images that cannot be read


def test_a_missing_file_is_reported_with_its_line(write: Write) -> None:
    word = write("path\na/1.png\n\na/none.png\n")
    with pytest.raises(UnreadableImageError, match=r"a/none\.png.*no such image.*line 4"):
        load(word)
    images = load(word, skip_damaged=True)
    (failure,) = images.failures
    assert (failure.name, images.names.tolist()) == ("a/none.png", ["a/1.png"])
    assert "line 4" in failure.reason
    with pytest.raises(InputError, match="none of the 1 images"):
        load(write("path\na/none.png\n"), skip_damaged=True)


def test_folders_and_empty_files_are_unreadable_images(write: Write, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    images = load(write("path\na\nempty.png\n.\na/1.png\n"), skip_damaged=True)
    assert [failure.name for failure in images.failures] == ["a", "empty.png", "."]


# Lists that cannot be read


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "", "empty"),
        ("list.csv", "\n\n", "no rows"),
        ("list.csv", "\ufeff", "empty"),
        ("list.csv", "path,label\n", "no image"),
        ("list.csv", "path,label\n,\n\n", "no image"),
        ("list.jsonl", "\n", "no image"),
        ("list.csv", "id;name;width\n1;a/1.png;8\n", "id, name, width"),
        ("list.csv", "a/1.png,cat\na/2.png,dog\n", "no header.*a/1.png, cat"),
        ("list.csv", "0,b\\1.png\n", "no header"),
        ("list.csv", "path,label\na/1.png,cat\n,dog\n", "line 3.*no path"),
        ("list.csv", "path,label\na/1.png,cat,dog\n", "line 2.*3 cells"),
        ("list.csv", 'path,label\n"a/1.png,cat\na/2.png,dog\n', "line 3"),
        ("list.csv", 'path,label\n"a/1.png"x,cat\n', "line 2"),
        ("list.csv", f"path,label\n{'x' * 200_000},cat\n", "line 2"),
        ("list.csv", f"path,label\n{'x' * 5000},cat\n", "line 2.*not a path"),
        ("list.csv", "path\na/1.png\nhttps://example.org/1.png\n", "line 3.*https://example.org/1.png.*URL"),
        ("list.csv", "path\ns3://bucket/1.png\n", "URL"),
        ("list.csv", "path,split\na/1.png,train\na/2.png,holdout\n", "line 3.*holdout"),
        ("list.csv", "path,split\na/1.png,train\na/1.png,test\n", "line 3.*a/1.png.*line 2.*split"),
        ("list.csv", "path,label\na/1.png,cat\n./a/1.png,dog\n", "line 3.*a/1.png.*line 2.*label"),
        ("list.csv", "path\ncaf\xe9.png\n".encode("latin-1"), "UTF-8"),
        ("list.csv", b"path\0,label\n", "UTF-8"),
        ("list.jsonl", '{"path": "a/1.png"}\n{"path"\n', "line 2.*JSON"),
        ("list.jsonl", '["a/1.png"]\n', "line 1.*list"),
        ("list.jsonl", "[" * 100_000, "JSON"),
        ("list.jsonl", '{"name": "a/1.png", "width": 8}\n', "name, width"),
        ("list.jsonl", "{}\n", "none"),
        ("list.jsonl", '{"path": "a/1.png"}\n{"label": "x"}\n', "line 2.*label"),
        ("list.jsonl", '{"path": {"bytes": 1}}\n', "line 1.*path"),
        ("list.jsonl", '{"path": "a/1.png", "label": ["x", "y"]}\n', "line 1.*label"),
        ("list.jsonl", '{"path": "\\ud800.png"}\n', "line 1.*not a path"),
        ("list.jsonl", '{"path": "\\u0000.png"}\n', "line 1.*not a path"),
    ],
)
def test_the_error_of_a_damaged_list_names_file_and_line(
    write: Write, name: str, content: str | bytes, message: str
) -> None:
    word = write(content, name)
    with pytest.raises(InputError, match=message) as caught:
        load(word)
    assert name in caught.value.message
    assert "\n" not in caught.value.message


def test_repeated_rows_count_once(write: Write) -> None:
    images = load(write("path,label\na/1.png,cat\na/2.png,cat\na\\1.png,cat\n./a/1.png,cat\n"))
    assert images.names.tolist() == ["a/1.png", "a/2.png"]
    assert any("2 rows" in note for note in images.notes)


def test_two_labels_of_an_image_do_not_matter_without_labels(write: Write) -> None:
    word = write("path,label\na/1.png,cat\na/1.png,dog\n")
    assert len(load(word, DataOptions(labels_from="none"))) == 1


def test_a_list_whose_names_do_not_fit_into_memory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 100)
    with pytest.raises(UnavailableError, match="names"):
        load(write("path\n" + "\n".join(NAMES)))


def test_lists_are_among_the_kinds_of_data(write: Write) -> None:
    (status,) = [status for status in describe() if status.word == "list of images"]
    assert status.splits == ("train", "val", "test", "all")
    assert not resolve(write("path\na/1.png\n", "list.txt")).source.splits()
