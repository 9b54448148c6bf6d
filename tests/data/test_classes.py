"""Matching classes by their names, and drawing images of each class by a seed."""

import numpy as np
import pytest

from aecli.data import ImageSet, draw_per_class, matched_labels, occurring_classes, with_classes
from aecli.data.source import SourceContent
from aecli.errors import InputError
from tests.data.image_sets import labels_of

CLASSES = ("ant", "bee", "cat", "dog")


def images(labels: list[int] | None, class_names: tuple[str, ...] = CLASSES) -> ImageSet:
    count = 5 if labels is None else len(labels)
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    names = np.array([str(index) for index in range(count)])
    return ImageSet(pixels, names, "animals", None if labels is None else np.array(labels), class_names)


def test_classes_without_an_image_do_not_occur() -> None:
    assert occurring_classes(images([3, 1, -1, 1])) == ("bee", "dog")
    assert occurring_classes(images([-1, -1])) == ()
    assert occurring_classes(images(None)) == ()
    content = SourceContent(np.array(["1", "2"]), np.array([2, -1]), CLASSES)
    assert occurring_classes(content) == ("cat",)


def test_labels_are_renumbered_by_name() -> None:
    found = with_classes(images([0, 1, 2, 3, -1]), ("dog", "bee", "elk"))
    assert labels_of(found) == [-1, 1, -1, 0, -1]
    assert found.class_names == ("dog", "bee", "elk")
    assert found.fingerprint == images([0, 1, 2, 3, -1]).fingerprint
    assert with_classes(images(None), ("dog",)).labels is None


def test_matched_labels() -> None:
    assert matched_labels(images([0, -1, 1]), ("bee", "ant", "cat")).tolist() == [1, -1, 0]
    assert matched_labels(images([0, 1]), ("x", "y")).tolist() == [-1, -1]
    assert matched_labels(images(None), ("x", "y")).tolist() == [-1] * 5
    with pytest.raises(InputError, match="cat") as caught:
        matched_labels(images([0, 1, 2]), ("bee", "ant"))
    assert caught.value.hint


def test_a_draw_per_class_is_balanced_sorted_and_extensible() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([-1, 0, 1, 2], [20, 5, 30, 9]))
    few, more = (draw_per_class(labels, count, seed=0) for count in (2, 5))
    assert np.bincount(labels[few]).tolist() == [2, 2, 2]
    assert np.bincount(labels[more]).tolist() == [5, 5, 5]
    assert set(few) < set(more)
    assert few.tolist() == sorted(few)
    assert draw_per_class(labels, 2, seed=0).tolist() == few.tolist()
    assert draw_per_class(labels, 2, seed=1).tolist() != few.tolist()
