"""Images in .npy and .npz files."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import DataOptions, load
from aecli.data.conversion import Conversion
from aecli.data.levels import Levels
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


def test_a_selection_larger_than_memory_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", UINT8)
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 100)
    assert len(load(str(tmp_path / "a.npy"), DataOptions(memory_budget=10))) == 6
    with pytest.raises(UnavailableError, match=r"selection of . images? takes .* memory"):
        load(f"{tmp_path}/a.npy:train", DataOptions(memory_budget=10))


WITH_NAN = np.full((2, 3, 3), 0.5)
WITH_NAN[1, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.full((2, 3, 3), -7.5)}, r"-7\.5"),
        ({"images": np.full((2, 3, 3), -3)}, "-3"),
        ({"images": np.full((2, 3, 3), 1e30)}, "e\\+30"),
        ({"images": np.zeros((2, 3, 3), complex)}, "complex"),
        ({"images": np.zeros((2, 3, 3), "M8[s]")}, "datetime"),
        ({"images": np.zeros((2, 3, 3, 3, 3), np.uint8)}, "3, 3, 3"),
        ({"images": np.arange(2 * 4 * 81).reshape(2, 4, 9, 9)}, "4 channels"),
        ({"images": np.arange(2 * 4 * 81).reshape(2, 9, 9, 4) / 100}, "4 channels"),
        ({"images": WITH_NAN}, "NaN"),
        ({"images": np.zeros((2, 3, 3), "U3")}, "<U3"),
        ({"images": np.zeros((2, 3), np.uint8)}, r"\(2, 3\)"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, r"\(0, 3, 3\)"),
        ({"images": np.zeros((2, 5, 4, 2), np.uint8)}, "channels"),
        ({"images": np.zeros((100, 784), np.uint8)}, "100, 784"),
        ({"images": np.array([None, {}], object)}, "pickle"),
        ({"images": UINT8, "labels": np.zeros(5, int)}, r"labels.*\(6,\).*\(5,\)"),
        ({"images": UINT8, "labels": np.full(6, 0.5)}, "labels"),
        ({"images": UINT8, "labels": np.full(6, np.inf)}, "labels"),
        ({"images": UINT8, "labels": np.zeros(6, complex)}, "labels"),
        ({"images": UINT8, "labels": np.ones((6, 3), int)}, "several labels"),
        ({"images": UINT8, "labels": np.full((6, 3), 0.5)}, "one-hot"),
        ({"images": UINT8, "labels": np.zeros((6, 3, 2), int)}, "labels"),
        ({"images": UINT8, "labels": np.array([b"\xff"] * 6)}, "UTF-8"),
        ({"images": UINT8, "y": np.zeros(5, int)}, r"labels.*\(6,\).*\(5,\)"),
        ({"x_train": UINT8, "y_train": np.zeros(6, int), "x_test": UINT8, "y_test": np.array(["a"] * 6)}, "text"),
        ({"x_train": UINT8, "x_test": UINT8[:, :, :4]}, "differ in shape"),
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


# Splits


def keras_arrays() -> dict[str, AnyArray]:
    random = np.random.default_rng(0)
    arrays: dict[str, AnyArray] = {}
    for split, count in (("train", 40), ("test", 10)):
        arrays[f"x_{split}"] = random.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"y_{split}"] = (np.arange(count) % 2).astype(np.uint8)
    return arrays


def test_arrays_of_keras_have_splits(tmp_path: Path) -> None:
    arrays = keras_arrays()
    np.savez(tmp_path / "keras.npz", **arrays)  # type: ignore[arg-type]
    data = str(tmp_path / "keras.npz")
    train, test, everything = load(data, training=True), load(f"{data}:test"), load(data)
    assert (train.word, test.word, everything.word) == (f"{data}:train", f"{data}:test", f"{data}:all")
    np.testing.assert_array_equal(train.images[:, 0], arrays["x_train"])
    np.testing.assert_array_equal(test.images[:, 0], arrays["x_test"])
    np.testing.assert_array_equal(labels_of(test), arrays["y_test"])
    assert (len(everything), test.names[3], train.names[3]) == (50, "test/3", "train/3")
    assert len(set(everything.names)) == 50
    with pytest.raises(InputError, match="train, test, all"):
        load(f"{data}:val")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("{split}_images", "{split}_labels"),
        ("X_{split}", "Y_{split}"),
        ("{split}_x", "{split}_y"),
        ("x{split}", "y{split}"),
        ("images_{split}", "targets_{split}"),
    ],
)
def test_other_names_of_splits(tmp_path: Path, images: str, labels: str) -> None:
    arrays: dict[str, Any] = {}
    for offset, split in enumerate(("train", "val", "test")):
        arrays[images.format(split=split)] = UINT8[: 6 - offset]
        arrays[labels.format(split=split)] = np.full((6 - offset, 1), offset)
    np.savez(tmp_path / "a.npz", **arrays)
    for offset, split in enumerate(("train", "val", "test")):
        loaded = load(f"{tmp_path}/a.npz:{split}")
        np.testing.assert_array_equal(loaded.images, UINT8[: 6 - offset])
        assert set(labels_of(loaded)) == {offset}
        assert loaded.class_names == ("0", "1", "2"), "classes are numbered over all splits"


def test_a_split_without_labels_is_unlabeled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=UINT8, y_train=np.array(list("abacab")), x_test=UINT8[:2])
    assert labels_of(load(f"{tmp_path}/a.npz:train")) == [0, 1, 0, 2, 0, 1]
    assert labels_of(load(f"{tmp_path}/a.npz:test")) == [-1, -1]


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2, 0, 1, 2]),
        np.array([[0], [1], [2], [0], [1], [2]]),
        np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]],
        np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]],
        np.eye(3, dtype=bool)[[0, 1, 2, 0, 1, 2]],
        np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0]),
        np.array([0, 1, 2, 0, 1, 2], ">i2"),
        np.array([b"0", b"1", b"2", b"0", b"1", b"2"]),
        np.array(list("012012")),
    ],
    ids=lambda labels: f"{labels.dtype}{labels.shape}",
)
@pytest.mark.parametrize("key", ["labels", "y", "label", "targets", "Y"])
def test_labels_of_every_form_are_the_same(tmp_path: Path, labels: AnyArray, key: str) -> None:
    arrays: dict[str, Any] = {"x": UINT8, key: labels}
    np.savez(tmp_path / "a.npz", **arrays)
    images = load(str(tmp_path / "a.npz"))
    assert labels_of(images) == [0, 1, 2, 0, 1, 2]
    assert images.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([0, -1, 1, 0, -1, 1]), [0, -1, 1, 0, -1, 1]),
        (np.array([0, np.nan, 1, 0, np.nan, 1]), [0, -1, 1, 0, -1, 1]),
        (np.array(["a", "", "b", "a", "", "b"]), [0, -1, 1, 0, -1, 1]),
        (np.array([[1, 0], [0, 0], [0, 1], [1, 0], [0, 0], [0, 1]]), [0, -1, 1, 0, -1, 1]),
        (np.array([True, False, True, True, False, True]), [1, 0, 1, 1, 0, 1]),
    ],
    ids=lambda value: str(value)[:12],
)
def test_images_without_a_label_are_unlabeled(tmp_path: Path, labels: AnyArray, expected: list[int]) -> None:
    np.savez(tmp_path / "a.npz", x=UINT8, y=labels)
    assert labels_of(load(str(tmp_path / "a.npz"))) == expected


def test_positional_arrays_are_images_and_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", UINT8, np.array([0, 1, 0, 1, 0, 1]))
    assert labels_of(load(str(tmp_path / "a.npz"))) == [0, 1, 0, 1, 0, 1]


def test_unused_arrays_are_noted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8, weights=np.zeros(6), split=np.zeros(6))
    assert any("split, weights" in note for note in load(str(tmp_path / "a.npz")).notes)


# Single images


@pytest.mark.parametrize(("channels", "layout"), [(3, "last"), (1, "last"), (4, "last")])
def test_an_array_of_one_image_is_one_image(tmp_path: Path, channels: int, layout: str) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (48, 64, channels), np.uint8)
    if channels == 4:
        photograph[..., 3] = 255
    np.save(tmp_path / "a.npy", photograph)
    images = load(str(tmp_path / "a.npy"))
    assert len(images) == 1
    np.testing.assert_array_equal(images.images[0], photograph.transpose(2, 0, 1)[:3])
    assert any("one image" in note for note in images.notes)


def test_three_planes_are_read_as_gray_images_with_a_note(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 48, 64), np.uint8))
    images = load(str(tmp_path / "a.npy"))
    assert images.images.shape == (3, 1, 48, 64)
    assert any("images[None]" in note for note in images.notes)


def test_transparent_images_are_composited_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((2, 5, 6, 4), np.uint8)
    pixels[..., 0], pixels[1, ..., 3] = 100, 51
    for stored in (pixels, pixels.transpose(0, 3, 1, 2)):
        np.save(tmp_path / "a.npy", stored)
        images = load(str(tmp_path / "a.npy")).images
        assert images[:, :, 0, 0].tolist() == [[255, 255, 255], [224, 204, 204]]


# Types


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [
        (np.uint16, 1, 0),
        (np.int32, 1, 0),
        (np.int64, 1, 0),
        (np.dtype(">i4"), 1, 0),
        (np.float32, 1, 0),
        (np.float64, 1 / 255, 0),
        (np.float32, 2 / 255, -1),
        (np.float16, 1 / 255, 0),
        (np.uint16, 257, 0),
        (np.int64, 257, 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_numbers_are_read_by_their_range(tmp_path: Path, dtype: Any, scale: float, offset: float, suffix: str) -> None:
    stored = np.array(UINT8)
    stored[0, 0, 0, :2] = 0, 255
    path = tmp_path / f"a.{suffix}"
    values = (stored.astype(np.float64) * scale + offset).astype(dtype)
    np.save(path, values) if suffix == "npy" else np.savez(path, images=values)
    images = load(str(path))
    tolerance = 1 if dtype == np.float16 else 0
    np.testing.assert_allclose(images.images.astype(int), stored.astype(int), atol=tolerance)
    assert any("is white" in note for note in images.notes)


def test_twelve_bit_arrays_keep_their_gray_levels(tmp_path: Path) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(4, 32, 32)
    np.save(tmp_path / "a.npy", values)
    images = load(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(images.images[:, 0], np.rint(values * (255 / 4095)))
    assert images.levels == Levels(0, 4095)


def test_declared_levels_of_16_bits_do_not_depend_on_the_values(tmp_path: Path) -> None:
    """Two files with the maxima 4,000 and 4,200 are scaled alike, as 16-bit image files of the same pixels."""
    conversion = Conversion(levels="declared")
    for largest in (4000, 4200):
        values = np.full((1, 2, 2), largest, np.uint16)
        np.save(tmp_path / "a.npy", values)
        Image.fromarray(values[0]).save(tmp_path / "a.png")
        array, file = (load(f"{tmp_path}/a.{suffix}", conversion=conversion) for suffix in ("npy", "png"))
        np.testing.assert_array_equal(array.images, file.images)
        assert (array.images == 16).all()
        assert array.levels is file.levels is None
        assert array.notes == file.notes
    np.save(tmp_path / "a.npy", np.array([[[0, 0.5, 1]]]))
    assert load(str(tmp_path / "a.npy"), conversion=conversion).images.ravel().tolist() == [0, 128, 255]


def test_a_large_array_of_numbers_is_converted_from_a_memory_map(tmp_path: Path) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(4, 32, 32)
    np.save(tmp_path / "a.npy", values)
    mapped = load(str(tmp_path / "a.npy"), DataOptions(memory_budget=10))
    np.testing.assert_array_equal(mapped.images, load(str(tmp_path / "a.npy")).images)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool])
def test_masks_of_zeros_and_ones_become_black_and_white(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "a.npy", np.eye(8)[None].astype(dtype))
    np.testing.assert_array_equal(load(str(tmp_path / "a.npy")).images[0, 0], np.eye(8) * 255)


def test_bytes_of_zeros_and_ones_are_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(8, dtype=np.uint8)[None])
    assert any("nearly black" in note for note in load(str(tmp_path / "a.npy")).notes)


@pytest.mark.parametrize("array", [np.full((2, 8, 8), -5), np.full((2, 8, 8), -5.5), np.full((2, 8, 8), 1e30)])
def test_the_advice_on_other_values_does_not_wrap_them(tmp_path: Path, array: AnyArray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError) as caught:
        load(str(tmp_path / "a.npy"))
    assert "scale" in str(caught.value.hint)
    assert "astype" not in str(caught.value.hint)
    assert load(str(tmp_path / "a.npy"), conversion=Conversion(levels=Levels(-10, 10))).levels == Levels(-10, 10)


# Names, class names and labels of a file


def test_names_and_class_names_may_be_bytes(tmp_path: Path) -> None:
    names = np.array([f"n{index}" for index in range(6)])
    classes = np.array([b"cat", b"dog"])
    np.savez(tmp_path / "a.npz", x=UINT8, y=np.arange(6) % 2, names=names.astype("S"), label_names=classes)
    images = load(str(tmp_path / "a.npz"))
    assert images.names.tolist() == names.tolist()
    assert images.class_names == ("cat", "dog")


@pytest.mark.parametrize("names", [np.array(["a"] * 6), np.array(["a", "b"]), np.arange(6)])
def test_names_that_are_no_names_are_noted(tmp_path: Path, names: AnyArray) -> None:
    np.savez(tmp_path / "a.npz", images=UINT8, names=names)
    images = load(str(tmp_path / "a.npz"))
    assert images.names.tolist() == [f"all/{index}" for index in range(6)]
    assert any("names" in note for note in images.notes)


def test_images_with_several_labels_can_be_read_without_them(tmp_path: Path) -> None:
    labels = np.ones((6, 14), np.uint8)
    np.savez(tmp_path / "a.npz", train_images=UINT8, train_labels=labels, test_images=UINT8[:2], test_labels=labels[:2])
    with pytest.raises(InputError, match="train_labels") as caught:
        load(f"{tmp_path}/a.npz:test")
    assert "--labels-from none" in str(caught.value.hint)
    images = load(f"{tmp_path}/a.npz:test", DataOptions(labels_from="none"))
    np.testing.assert_array_equal(images.images, UINT8[:2])
    assert images.labels is None


def test_labels_tell_narrow_gray_images_from_one_color_image(tmp_path: Path) -> None:
    narrow = UINT8.transpose(0, 2, 3, 1)[:, :, 0]  # (6, 5, 3)
    np.savez(tmp_path / "one.npz", x=narrow)
    np.savez(tmp_path / "six.npz", x=narrow, y=np.arange(6))
    assert load(str(tmp_path / "one.npz")).images.shape == (1, 3, 6, 5)
    np.testing.assert_array_equal(load(str(tmp_path / "six.npz")).images[:, 0], narrow)


def test_splits_of_different_types_are_read_one_by_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=UINT8, x_test=UINT8 / np.float32(255))
    with pytest.raises(InputError, match="uint8, float32"):
        load(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(load(f"{tmp_path}/a.npz:train").images, load(f"{tmp_path}/a.npz:test").images)


def test_dark_bytes_are_noted_with_a_factor(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", UINT8 // 16)
    (note,) = load(str(tmp_path / "a.npy")).notes
    assert "nearly black" in note
    assert "* 17" in note
