"""Number the classes of labels that are given as text."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from aecli.storage.labels import UNLABELED

NUMBER = re.compile(r"-?\d+(\.\d+)?")
WHOLE_NUMBER = re.compile(r"-?\d+(\.0*)?")


def number_labels(labels: Sequence[str], *, by_value: bool = True) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Number the classes in sorted order, UNLABELED for the empty name; None if all names are empty.

    If all classes are numbers, they are sorted by value; whole numbers such as 3.0 are the class 3. Without `by_value`,
    they are sorted as text, 10 before 2, as torchvision's `ImageFolder` sorts folders: those of a folder keep the
    numbers that they have in models and files of earlier versions.
    """
    found = set(labels) - {""}
    if not found:
        return None, ()
    names = {label: label for label in found}
    if by_value and all(map(WHOLE_NUMBER.fullmatch, found)):
        names = {label: label.partition(".")[0] for label in found}
    class_names = sorted_classes(names.values()) if by_value else tuple(sorted(found))
    number = {name: index for index, name in enumerate(class_names)}
    numbers = {label: number[name] for label, name in names.items()} | {"": UNLABELED}
    return np.array([numbers[label] for label in labels], np.int64), class_names


def sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the different names in order; if all are numbers, by value."""
    names = set(names)
    if all(map(NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))
