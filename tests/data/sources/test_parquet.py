"""Parquet files of images, as Hugging Face stores image sets."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.data import DataOptions, load
from aecli.data.archives import parquet_file
from aecli.errors import InputError, UnavailableError
from tests.data.archive_writing import write_parquet
from tests.data.image_sets import labels_of, png, values

pa: Any = pytest.importorskip("pyarrow")

CATS = ["cat", "dog"]


def write_table(path: Path, columns: dict[str, Any]) -> str:
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)
    return str(path)


def test_class_names_come_from_the_schema(tmp_path: Path) -> None:
    files = {f"{index}.png": png(index) for index in range(4)}
    data = str(write_parquet(tmp_path / "a.parquet", files, [1, 0, 1, -1], CATS))
    images = load(data)
    assert images.class_names == ("cat", "dog")
    assert labels_of(images) == [1, 0, 1, -1]
    assert images.names.tolist() == list(files)
    assert values(f"{data}@dog") == [0, 2]


def test_prefixes_are_labels_without_a_column(tmp_path: Path) -> None:
    files = {"x_1.png": png(1), "y_2.png": png(2)}
    labeled = str(write_parquet(tmp_path / "a.parquet", files, [1, 0], CATS))
    plain = str(write_parquet(tmp_path / "b.parquet", files))
    prefix, none = DataOptions(labels_from="prefix"), DataOptions(labels_from="none")
    assert load(labeled, prefix).class_names == ("cat", "dog")
    assert load(plain, prefix).class_names == ("x", "y")
    assert load(labeled, none).labels is None


@pytest.mark.parametrize("path", ["same.png", None])
def test_rows_without_paths_of_their_own_are_numbered(tmp_path: Path, path: str | None) -> None:
    rows = [{"bytes": png(index), "path": path} for index in range(3)]
    data = write_table(tmp_path / "a.parquet", {"image": rows, "label": ["b", "a", None]})
    assert load(data).names.tolist() == ["all/0", "all/1", "all/2"]
    assert labels_of(load(data)) == [1, 0, -1]


def test_a_column_of_bytes_is_read(tmp_path: Path) -> None:
    data = write_table(tmp_path / "a.parquet", {"id": [1, 2], "content": [png(5), png(6)]})
    assert values(data) == [5, 6]


def test_the_files_of_a_data_set_have_splits(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("validation", 20), ("test", 40)):
        for shard in range(2):
            files = {f"{split}{shard}{index}.png": png(first + 10 * shard + index) for index in range(3)}
            name = f"{split}-{shard:05}-of-00002.parquet"
            write_parquet(tmp_path / "set" / "data" / name, files, [shard] * 3, CATS)
    data = str(tmp_path / "set")
    assert values(f"{data}:train") == [0, 1, 2, 10, 11, 12]
    assert values(f"{data}:val") == [20, 21, 22, 30, 31, 32]
    assert labels_of(load(f"{data}:test")) == [0, 0, 0, 1, 1, 1]
    assert load(data, training=True).word == f"{data}:train"
    assert len(load(f"{tmp_path}/set/data/train-0000{{0..1}}-of-00002.parquet")) == 6
    (tmp_path / "set" / "loop").symlink_to("loop")
    assert len(load(f"{data}:train")) == 6


@pytest.mark.parametrize("folder", ["", "default"])
def test_the_folders_of_a_converted_data_set_are_splits(tmp_path: Path, folder: str) -> None:
    for split, first in (("train", 0), ("validation", 20), ("test", 40)):
        for shard in range(2):
            files = {f"{split}{shard}{index}.png": png(first + 10 * shard + index) for index in range(3)}
            write_parquet(tmp_path / "set" / folder / split / f"{shard:04}.parquet", files, [shard] * 3, CATS)
    data = str(tmp_path / "set")
    assert values(f"{data}:train") == [0, 1, 2, 10, 11, 12]
    assert values(f"{data}:val") == [20, 21, 22, 30, 31, 32]
    assert labels_of(load(f"{data}:test")) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("names", [("train", "test"), ("cifar10-train", "cifar10-test"), ("train-0", "test-0")])
def test_files_of_no_split_do_not_discard_the_splits(tmp_path: Path, names: tuple[str, str]) -> None:
    for first, name in zip((0, 10, 20), (*names, "extra"), strict=True):
        files = {f"{name}{index}.png": png(first + index) for index in range(2)}
        write_parquet(tmp_path / f"{name}-00000-of-00001.parquet", files, [0, 1], CATS)
    images = load(str(tmp_path), training=True)
    assert images.word == f"{tmp_path}:train"
    assert images.images.ravel()[0] == 0
    assert any("extra" in note for note in images.notes)
    assert values(f"{tmp_path}:test") == [10, 11]
    assert len(load(str(tmp_path))) == 4


def test_folders_of_parquet_files_that_are_no_splits_are_refused(tmp_path: Path) -> None:
    for folder in ("train", "spring"):
        write_parquet(tmp_path / folder / "0000.parquet", {"1.png": png(1)}, [0], CATS)
    with pytest.raises(InputError):
        load(str(tmp_path))


def test_rows_are_read_in_any_order_and_only_a_few_are_kept(tmp_path: Path) -> None:
    files = {f"{index:03}.png": png(index % 256) for index in range(600)}
    rows = parquet_file.ParquetRows(write_parquet(tmp_path / "a.parquet", files))
    contents = list(files.values())
    for row in (0, 599, 3, 300, *np.random.default_rng(0).integers(0, 600, 20)):
        assert rows.read(str(row)) == contents[row]
    assert len(rows._batches) <= parquet_file.KEPT_BATCHES


def test_a_row_without_an_image_is_left_out(tmp_path: Path) -> None:
    rows = [{"bytes": png(1), "path": "1.png"}, {"bytes": None, "path": "2.png"}, {"bytes": b"x", "path": "3.png"}]
    images = load(write_table(tmp_path / "a.parquet", {"image": rows}), skip_damaged=True)
    assert images.names.tolist() == ["1.png"]
    assert [failure.name for failure in images.failures] == ["2.png", "3.png"]


@pytest.mark.parametrize(
    ("columns", "message"), [({"text": ["a"]}, "text"), ({"image": pa.array([], pa.binary())}, "no")]
)
def test_files_without_images_are_an_error(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write_table(tmp_path / "a.parquet", columns))


@pytest.mark.parametrize("kept", [10, 0.5, 0.95])
def test_a_truncated_file_is_one_error(tmp_path: Path, kept: float) -> None:
    path = write_parquet(tmp_path / "a.parquet", {f"{index}.png": png(index) for index in range(40)})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(InputError, match=r"a\.parquet"):
        load(str(path))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"1.png": png(1)})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UnavailableError) as caught:
        load(str(path))
    assert "aecli[parquet]" in str(caught.value.hint)


def test_a_folder_of_images_beside_a_parquet_file_is_one_of_images(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png(3))
    write_table(tmp_path / "features.parquet", {"x": [1]})
    assert values(str(tmp_path)) == [3]
