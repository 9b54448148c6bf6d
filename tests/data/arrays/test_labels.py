"""Labels in arrays of every form."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data.arrays.labels import LabelArray, read_labels
from aecli.errors import InputError


def read(*values: Any, class_names: tuple[str, ...] = ()) -> tuple[list[int] | None, tuple[str, ...]]:
    """Read the labels of splits of 3 images each."""
    splits = [LabelArray(f"y_{index}", each, 3) for index, each in enumerate(values)]
    labels, names = read_labels(splits, class_names, "a.npz")
    return (None if labels is None else labels.tolist()), names


def test_classes_are_numbered_over_all_splits() -> None:
    one_hot = np.eye(4)[[3, 3, 3]]
    assert read(np.array([0, 1, 0]), None, one_hot) == ([0, 1, 0, -1, -1, -1, 3, 3, 3], ("0", "1", "2", "3"))
    text = np.array(["b", "a", ""]), np.array([b"c", b"b", b"b"])
    assert read(*text) == ([1, 0, -1, 2, 1, 1], ("a", "b", "c"))


def test_one_hot_labels_have_the_class_of_each_column() -> None:
    assert read(np.eye(5, dtype=int)[:3]) == ([0, 1, 2], ("0", "1", "2", "3", "4"))


def test_class_names_are_those_of_numbers_and_of_text() -> None:
    assert read(np.array([0, 1, 0]), class_names=("z", "a", "m")) == ([0, 1, 0], ("z", "a", "m"))
    assert read(np.array(["a", "z", "a"]), class_names=("z", "a", "m")) == ([1, 0, 1], ("z", "a", "m"))


@pytest.mark.parametrize(
    "labels", [np.full(3, -1), np.full(3, np.nan), np.zeros((3, 4), int), np.array(["", "", ""]), None]
)
def test_images_without_any_label_have_no_classes(labels: NDArray[Any] | None) -> None:
    assert read(labels) == (None, ())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2, int), r"3 images.*y_1.*\(2,\)"),
        (np.zeros((1, 3), int), r"y_1.*\(1, 3\)"),
        (np.zeros((3, 28, 28), int), r"y_1.*\(3, 28, 28\)"),
        (np.array(3), r"y_1.*\(\)"),
        (np.ones((3, 14), int), "y_1.*several labels"),
        (np.full((3, 2), 0.5), "y_1.*one-hot"),
        (np.array([["a", "b"]] * 3), "y_1.*one-hot"),
        (np.array([0, 1.5, 0]), "y_1.*whole"),
        (np.array([0, np.inf, 0]), "y_1.*whole"),
        (np.array([0, -2, 0]), "y_1.*-2"),
        (np.full(3, 2**64 - 1, np.uint64), "y_1.*18,446"),
        (np.full(3, 1e300), "y_1"),
        (np.full(3, 10_000), "10,000"),
        (np.zeros(3, complex), "y_1.*complex"),
        (np.zeros(3, "M8[s]"), "y_1.*datetime"),
        (np.array([b"\xff"] * 3), "y_1.*UTF-8"),
        (np.array(["a", "b", "c"]), "text"),
    ],
)
def test_other_arrays_are_an_error_that_names_them(labels: NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(np.array([0, 1, 2]), labels)
    assert "a.npz" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("labels", [np.array([0, 2, 0]), np.array(["x", "z", "z"])])
def test_a_label_without_a_class_name_is_an_error(labels: NDArray[Any]) -> None:
    with pytest.raises(InputError, match="class names"):
        read(labels, class_names=("z", "a"))
