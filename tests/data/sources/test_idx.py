"""IDX files with MNIST's names; their headers are checked."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aecli.data import load
from aecli.data.sources.idx import IdxFolder
from aecli.errors import ExitStatus, InputError
from tests.data.idx_writing import idx_bytes, write_mnist
from tests.data.image_sets import labels_of
from tests.data.work import calls_of


@pytest.mark.parametrize("gzipped", [True, False])
def test_splits_labels_and_names_are_read(tmp_path: Path, gzipped: bool) -> None:
    write_mnist(tmp_path, gzipped=gzipped)
    everything = load(str(tmp_path))
    assert everything.images.shape == (10, 1, 5, 4)
    assert everything.word == f"{tmp_path}:all"
    assert labels_of(everything) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert everything.class_names == ("0", "1", "2")
    assert everything.images.flags.writeable
    test = load(f"{tmp_path}:test")
    np.testing.assert_array_equal(test.images, everything.images[6:])
    assert test.names.tolist() == ["test/0", "test/1", "test/2", "test/3"]
    assert len(load(str(tmp_path), training=True)) == 6


def test_a_folder_of_other_files_is_passed_by_at_a_glance(tmp_path: Path) -> None:
    """This is asked of every folder of images."""
    work = []
    for count in (10, 110):
        for index in range(count):
            (tmp_path / f"{index}.png").touch()
        work.append(calls_of(lambda: IdxFolder.accepts(tmp_path)))
    assert not IdxFolder.accepts(tmp_path)
    assert work[1] - work[0] < 300


def test_names_may_contain_dots_and_labels_may_be_missing(tmp_path: Path) -> None:
    images = np.arange(60, dtype=np.uint8).reshape(3, 5, 4)
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx_bytes(images))
    loaded = load(str(tmp_path))
    np.testing.assert_array_equal(loaded.images[:, 0], images)
    assert loaded.labels is None
    assert loaded.class_names == ()
    with pytest.raises(InputError, match=r"split 'test'.*train, all"):
        load(f"{tmp_path}:test")


def test_one_file_of_images_is_read(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    images = load(str(tmp_path / "t10k-images-idx3-ubyte.gz"))
    assert len(images) == 4
    assert labels_of(images) == [0, 1, 2, 0]


def test_emnist_letters_are_transposed_and_numbered_from_zero(tmp_path: Path) -> None:
    images = np.arange(40, dtype=np.uint8).reshape(2, 5, 4)
    (tmp_path / "emnist-letters-train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "emnist-letters-train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([1, 26], np.uint8)))
    loaded = load(str(tmp_path))
    np.testing.assert_array_equal(loaded.images[:, 0], images.transpose(0, 2, 1))
    assert labels_of(loaded) == [0, 25]
    assert len(loaded.class_names) == 26
    assert "EMNIST" in loaded.notes[0]


@pytest.mark.parametrize(
    ("prefix", "test", "labels", "expected"),
    [("", "t10k", [0, 1, 2, 0], [0, 1, 2, 0]), ("emnist-letters-", "test", [1, 26, 2, 1], [0, 25, 1, 0])],
)
def test_a_split_without_labels_is_unlabeled(
    tmp_path: Path, prefix: str, test: str, labels: list[int], expected: list[int]
) -> None:
    write_mnist(tmp_path, train=4, test=3, prefix=prefix, gzipped=False)
    (tmp_path / f"{prefix}train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels, np.uint8)))
    (tmp_path / f"{prefix}{test}-labels-idx1-ubyte").unlink()
    loaded = load(str(tmp_path))
    assert labels_of(loaded) == [*expected, -1, -1, -1]
    assert loaded.class_names == (tuple("abcdefghijklmnopqrstuvwxyz") if prefix else ("0", "1", "2"))
    assert labels_of(load(f"{tmp_path}:train")) == expected
    assert load(f"{tmp_path}:test").labels is None


def test_several_data_sets_in_one_folder_are_an_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, prefix="emnist-letters-")
    write_mnist(tmp_path, prefix="emnist-digits-")
    with pytest.raises(InputError, match=r"emnist-digits, emnist-letters"):
        load(str(tmp_path))


GOOD = idx_bytes(np.zeros((6, 5, 4), np.uint8))
DAMAGED = {
    "truncated": (GOOD[:-7], "113 of the 6 x 5 x 4 bytes"),
    "longer": (GOOD + b"x", "longer.*6 x 5 x 4 bytes"),
    "magic": (b"\0\0\x0d\x03" + GOOD[4:], "3 axes"),
    "header": (GOOD[:9], "header"),
    "empty": (GOOD[:4] + bytes(12), "without content"),
    "wrong shape": (GOOD[:4] + b"\xff" * 12 + GOOD[16:], "too short"),
}


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_that_contradicts_its_header_is_an_error(tmp_path: Path, damage: str, gzipped: bool) -> None:
    data, message = DAMAGED[damage]
    write_mnist(tmp_path, gzipped=gzipped)
    name = "train-images-idx3-ubyte" + ".gz" * gzipped
    (tmp_path / name).write_bytes(gzip.compress(data) if gzipped else data)
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path))
    assert caught.value.status is ExitStatus.INPUT
    assert name in caught.value.message
    assert "\n" not in caught.value.message
    assert len(load(f"{tmp_path}:test")) == 4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-12], "truncated"),
        (lambda data: b"no" + data[2:], "gzip"),
        (lambda data: data[:-8] + b"\0" * 8, "gzip"),
        (lambda data: data[:20] + b"\xff" * 10 + data[30:], "truncated"),
        (lambda data: b"", "empty"),
    ],
)
def test_a_damaged_gzip_file_is_an_error(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path))
    assert path.name in caught.value.message


def test_labels_must_be_as_many_as_images(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(5, np.uint8))))
    with pytest.raises(InputError, match="5 labels for 6 images"):
        load(str(tmp_path))
