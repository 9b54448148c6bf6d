"""Images in .npy and .npz files."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data import DataOptions, load
from aecli.errors import ExitStatus, InputError, UnavailableError
from tests.data.image_sets import labels_of

AnyArray = NDArray[Any]

UINT8 = np.random.default_rng(0).integers(0, 256, (6, 3, 5, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (UINT8[:, 0], UINT8[:, :1]),
        (UINT8, UINT8),
        (UINT8.transpose(0, 2, 3, 1), UINT8),
        (np.asfortranarray(UINT8), UINT8),
        (UINT8[:, :1], UINT8[:, :1]),
        (UINT8[:, :1].transpose(0, 2, 3, 1), UINT8[:, :1]),
        (UINT8[:, :, :, :3], UINT8[:, :, :, :3]),  # both layouts fit: channels first
        ((UINT8 / 255).astype(np.float32), UINT8),
        (UINT8 / 255, UINT8),
        (UINT8 > 100, (UINT8 > 100) * np.uint8(255)),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_all_layouts_and_types_are_read(tmp_path: Path, stored: AnyArray, expected: AnyArray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, stored)
    else:
        np.savez_compressed(path, images=stored, labels=np.arange(6) % 2)
    images = load(str(path))
    np.testing.assert_array_equal(images.images, expected)
    assert images.images.dtype == np.uint8
    assert images.images.flags.c_contiguous
    assert images.word == str(path)
    if suffix == "npz":
        assert labels_of(images) == [0, 1, 0, 1, 0, 1]
        assert images.class_names == ("0", "1")


def test_floats_are_rounded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((1, 2, 2), 0.5))
    assert (load(str(tmp_path / "a.npy")).images == 128).all()


@pytest.mark.parametrize("key", ["x", "arr_0", "pixels"])
def test_other_keys_and_labels_as_text(tmp_path: Path, key: str) -> None:
    arrays: dict[str, Any] = {key: UINT8, "labels": np.array(["b", "a", "b", "b", "a", "a"])}
    np.savez(tmp_path / "a.npz", **arrays)
    images = load(str(tmp_path / "a.npz"))
    assert images.class_names == ("a", "b")
    assert labels_of(images) == [1, 0, 1, 1, 0, 0]


def test_class_names_and_names_are_read(tmp_path: Path) -> None:
    names = np.array([f"n{index}" for index in range(6)])
    np.savez(
        tmp_path / "a.npz", images=UINT8, labels=np.arange(6) % 2, class_names=np.array(["cat", "dog"]), names=names
    )
    images = load(str(tmp_path / "a.npz"))
    assert images.class_names == ("cat", "dog")
    assert images.names.tolist() == names.tolist()


def test_a_file_is_split_by_seed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8)
    train, test = load(f"{tmp_path}/a.npz:train"), load(f"{tmp_path}/a.npz:test")
    assert sorted([*train.names, *test.names]) == [f"all/{index}" for index in range(6)]
    assert test.word == f"{tmp_path}/a.npz:test"


def test_a_large_npy_is_memory_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", UINT8)
    images = load(str(tmp_path / "a.npy"), DataOptions(memory_budget=10))
    assert isinstance(images.images, np.memmap)
    assert images.fingerprint == load(str(tmp_path / "a.npy")).fingerprint


WITH_NAN = np.full((2, 3, 3), 0.5)
WITH_NAN[1, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.full((2, 3, 3), 7.5)}, r"7\.5\.\.7\.5"),
        ({"images": np.full((2, 3, 3), -0.5)}, r"-0\.5\.\.-0\.5"),
        ({"images": WITH_NAN}, "NaN"),
        ({"images": np.zeros((2, 3, 3), np.int64)}, "int64"),
        ({"images": np.zeros((2, 3, 3), "U3")}, "<U3"),
        ({"images": np.zeros((2, 3), np.uint8)}, r"\(2, 3\)"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, r"\(0, 3, 3\)"),
        ({"images": np.zeros((2, 5, 4, 4), np.uint8)}, "channels"),
        ({"images": np.array([None, {}], object)}, "pickle"),
        ({"images": UINT8, "labels": np.zeros(5, int)}, r"labels.*\(6,\).*\(5,\)"),
        ({"images": UINT8, "labels": np.zeros(6)}, "labels"),
        ({"images": UINT8, "labels": np.full(6, -2)}, "labels.*-2"),
        ({"images": UINT8, "labels": np.full(6, 10**9)}, "labels.*1,000,000,000"),
        ({"images": UINT8, "labels": np.full(6, 2), "class_names": np.array(["a"])}, "label 2"),
        ({"codes": np.zeros((6, 2)), "names": np.array(["a"]), "meta": np.array("{}")}, "codes"),
        ({"a": UINT8, "b": UINT8}, "'images'.*a, b"),
    ],
)
def test_arrays_that_are_not_images_are_an_error(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path / "a.npz"))
    assert caught.value.status is ExitStatus.INPUT
    assert "a.npz" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_pickled_npy_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([None, {}], object))
    with pytest.raises(InputError, match="pickle"):
        load(str(tmp_path / "a.npy"))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("kept", [0, 10, 90, 0.5, 0.99])
def test_a_truncated_file_is_an_error(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    np.save(path, UINT8) if suffix == "npy" else np.savez_compressed(path, images=UINT8)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with pytest.raises(InputError, match="empty" if kept == 0 else "damaged"):
        load(str(path))


def test_a_zip_without_arrays_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="no array"):
        load(str(tmp_path / "a.npz"))


def test_a_wrong_header_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, UINT8)
    path.write_bytes(path.read_bytes().replace(b"(6, 3, 5, 4)", b"(9999, 5, 4)"))
    with pytest.raises(InputError, match="damaged"):
        load(str(path))


def test_an_archive_larger_than_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8)
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 100)
    with pytest.raises(UnavailableError, match="memory"):
        load(str(tmp_path / "a.npz"))
