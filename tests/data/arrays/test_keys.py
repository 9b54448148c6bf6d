"""The names of arrays of images and labels."""

import pytest

from aecli.data.arrays.keys import ArrayKeys, find_sets


@pytest.mark.parametrize(
    ("keys", "images", "labels"),
    [
        ("x y", "x", "y"),
        ("X y", "X", "y"),
        ("images targets", "images", "targets"),
        ("images data target", "images", "target"),
        ("data label", "data", "label"),
        ("arr_0 arr_1", "arr_0", "arr_1"),
        ("anything", "anything", None),
        ("anything y names class_names", "anything", "y"),
        ("images train test", "images", None),
    ],
)
def test_images_and_labels_without_splits(keys: str, images: str, labels: str | None) -> None:
    assert find_sets(keys.split()).splits == {"all": ArrayKeys(images, labels)}


@pytest.mark.parametrize(
    ("keys", "splits"),
    [
        ("x_train y_train x_test y_test", "train test"),
        ("x_train y_train x_valid y_valid x_test y_test", "train val test"),
        ("X_train Y_train X_val Y_val", "train val"),
        ("train_images train_labels val_images val_labels test_images test_labels", "train val test"),
        ("trainX trainY testX testY", "train test"),
        ("Xtrain ytrain Xdev ydev", "train val"),
        ("x-train y-train x.test y.test", "train test"),
        ("training_images training_targets validation_images validation_targets", "train val"),
        ("images_train labels_train images_eval labels_eval", "train test"),
    ],
)
def test_splits(keys: str, splits: str) -> None:
    found = find_sets(keys.split())
    assert " ".join(found.splits) == splits
    assert {key for each in found.splits.values() for key in (each.images, each.labels)} == set(keys.split())
    assert found.unused == ()


def test_arrays_called_train_and_test() -> None:
    assert find_sets(["train", "test"]).splits == {"train": ArrayKeys("train", None), "test": ArrayKeys("test", None)}
    assert find_sets(["train", "train_labels"]).splits == {"train": ArrayKeys("train", "train_labels")}


@pytest.mark.parametrize(
    ("keys", "unused"),
    [
        ("images labels y weights", ("weights", "y")),
        ("x_train y_train y_test", ("y_test",)),
        ("x_train x images", ("images", "x")),
        ("x_train train_images", ("x_train",)),
        ("images names meta", ()),
        ("x_train names", ("names",)),
    ],
)
def test_other_arrays_are_unused(keys: str, unused: tuple[str, ...]) -> None:
    assert find_sets(keys.split()).unused == unused


@pytest.mark.parametrize("keys", ["a b", "y", "codes names meta", "latest_x contest_y", ""])
def test_no_images(keys: str) -> None:
    assert find_sets(keys.split()).splits == {}
