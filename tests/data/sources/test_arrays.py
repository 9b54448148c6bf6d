"""Images in .npy and .npz files."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from aecli.data import DataOptions, load
from aecli.errors import ExitStatus, InputError, UnavailableError

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
def test_layouts_and_types(tmp_path: Path, stored, expected, suffix) -> None:
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
        assert images.labels.tolist() == [0, 1, 0, 1, 0, 1]
        assert images.class_names == ("0", "1")


def test_floats_are_rounded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((1, 2, 2), 0.5))
    assert (load(str(tmp_path / "a.npy")).images == 128).all()


@pytest.mark.parametrize("key", ["x", "arr_0", "pictures"])
def test_other_keys(tmp_path: Path, key: str) -> None:
    np.savez(tmp_path / "a.npz", **{key: UINT8, "labels": np.array(["b", "a", "b", "b", "a", "a"])})
    images = load(str(tmp_path / "a.npz"))
    assert images.class_names == ("a", "b")
    assert images.labels.tolist() == [1, 0, 1, 1, 0, 0]


def test_class_names_and_names(tmp_path: Path) -> None:
    names = np.array([f"n{index}" for index in range(6)])
    np.savez(
        tmp_path / "a.npz", images=UINT8, labels=np.arange(6) % 2, class_names=np.array(["cat", "dog"]), names=names
    )
    images = load(str(tmp_path / "a.npz"))
    assert images.class_names == ("cat", "dog")
    assert images.names.tolist() == names.tolist()


def test_splits_by_seed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8)
    train, test = load(f"{tmp_path}/a.npz:train"), load(f"{tmp_path}/a.npz:test")
    assert sorted([*train.names, *test.names]) == [f"all/{index}" for index in range(6)]
    assert test.word == f"{tmp_path}/a.npz:test"


def test_a_large_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", UINT8)
    images = load(str(tmp_path / "a.npy"), DataOptions(memory_budget=10))
    assert isinstance(images.images, np.memmap)
    assert images.fingerprint == load(str(tmp_path / "a.npy")).fingerprint


WITH_NAN = np.full((2, 3, 3), 0.5)
WITH_NAN[1, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.full((2, 3, 3), 7.5)}, r"range over 7\.5\.\.7\.5"),
        ({"images": np.full((2, 3, 3), -0.5)}, r"range over -0\.5\.\.-0\.5"),
        ({"images": WITH_NAN}, "NaN"),
        ({"images": np.zeros((2, 3, 3), np.int64)}, "not int64"),
        ({"images": np.zeros((2, 3, 3), "U3")}, "not <U3"),
        ({"images": np.zeros((2, 3), np.uint8)}, r"not \(2, 3\)"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, r"not \(0, 3, 3\)"),
        ({"images": np.zeros((2, 5, 4, 4), np.uint8)}, "1 or 3 channels"),
        ({"images": np.array([None, {}], object)}, "pickled objects are never loaded"),
        ({"images": UINT8, "labels": np.zeros(5, int)}, r"need labels of shape \(6,\), not \(5,\)"),
        ({"images": UINT8, "labels": np.zeros(6)}, "integers or text"),
        ({"images": UINT8, "labels": np.full(6, -2)}, "there is -2"),
        ({"images": UINT8, "labels": np.full(6, 10**9)}, "labels reach 1,000,000,000"),
        ({"images": UINT8, "labels": np.full(6, 2), "class_names": np.array(["a"])}, "label 2 has no name"),
        ({"codes": np.zeros((6, 2)), "names": np.array(["a"]), "meta": np.array("{}")}, "holds codes, not images"),
        ({"a": UINT8, "b": UINT8}, "no array called 'images' .* a, b"),
    ],
)
def test_what_is_not_images(tmp_path: Path, arrays, message) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path / "a.npz"))
    assert caught.value.status is ExitStatus.INPUT
    assert "a.npz" in caught.value.message
    assert "\n" not in caught.value.message


def test_pickled_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([None, {}], object))
    with pytest.raises(InputError, match="pickled objects are never loaded"):
        load(str(tmp_path / "a.npy"))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("part", [0, 10, 90, 0.5, 0.99])
def test_damaged_files(tmp_path: Path, suffix, part) -> None:
    path = tmp_path / f"a.{suffix}"
    np.save(path, UINT8) if suffix == "npy" else np.savez_compressed(path, images=UINT8)
    data = path.read_bytes()
    path.write_bytes(data[: part if isinstance(part, int) else int(len(data) * part)])
    with pytest.raises(InputError, match="empty" if part == 0 else "damaged or truncated"):
        load(str(path))


def test_a_zip_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="no array in"):
        load(str(tmp_path / "a.npz"))


def test_a_lying_header(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, UINT8)
    path.write_bytes(path.read_bytes().replace(b"(6, 3, 5, 4)", b"(9999, 5, 4)"))
    with pytest.raises(InputError, match="damaged or truncated"):
        load(str(path))


def test_an_archive_larger_than_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8)
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 100)
    with pytest.raises(UnavailableError, match="of memory"):
        load(str(tmp_path / "a.npz"))
