"""Convert an array of labels in any usual form to class numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.labels import UNLABELED

MAX_UNNAMED_CLASSES = 10_000
MAX_LABEL = 2**62
WITHOUT_LABELS = "read the images without labels: --labels-from none"
AnyArray = NDArray[Any]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class LabelArray:
    """The labels of one split."""

    key: str
    """The name of the array, for messages."""
    values: AnyArray | None
    """Integers, whole floats, bool or text of shape (M,) or (M, 1), or one-hot (M, K). None, negative numbers that are
    -1, NaN, rows of zeros and empty text mark images without a label."""
    count: int
    """The number M of images."""


def read_labels(
    splits: Sequence[LabelArray], class_names: tuple[str, ...], where: str
) -> tuple[Labels | None, tuple[str, ...]]:
    """Return the labels of all images of all splits, (N,) indices into the class names, and the class names.

    The names are `class_names`; if these are (), the text of the labels, or numbers. Errors begin with `where`. The
    labels are None if no image has one.

    Raises:
        InputError: the labels have another shape, type or number, or there are too many classes.
    """
    flat = [None if split.values is None else _flat(split, where) for split in splits]
    known = [labels for labels in flat if labels is not None]
    texts = [labels.dtype.kind == "U" for labels in known]
    if not known:
        return None, ()
    if any(texts) != all(texts):
        raise InputError(f"{where}: the labels of one split are text, those of another are numbers")
    missing: Any = "" if texts[0] else UNLABELED
    parts = [np.full(split.count, missing) if part is None else part for split, part in zip(splits, flat, strict=True)]
    if texts[0]:
        labels, names = _numbered_text(np.concatenate(parts), class_names, where)
    else:
        labels = np.concatenate(parts).astype(np.int64)
        names = _names_of_numbers(labels, max(map(_columns, splits)), class_names, where)
    return (labels, names) if (labels != UNLABELED).any() else (None, ())


def _flat(split: LabelArray, where: str) -> AnyArray:
    """Return (M,) text or integers."""
    labels = decoded_text(split.values, f"{where}: {split.key}")
    if labels.dtype.kind not in "biufU":
        raise InputError(f"{where}: the labels in {split.key} must be integers or text, not {labels.dtype}")
    if labels.ndim == 2 and len(labels) == split.count and labels.shape[1] > 1:
        return _from_one_hot(labels, f"{where}: {split.key}")
    if labels.shape not in ((split.count,), (split.count, 1)):
        raise InputError(
            f"{where}: {split.count:,} images need labels of shape ({split.count},), "
            f"but {split.key} has the shape {labels.shape}",
            hint=WITHOUT_LABELS,
        )
    labels = labels.reshape(split.count)
    return labels if labels.dtype.kind == "U" else _whole(labels, f"{where}: {split.key}")


def decoded_text(values: Any, where: str) -> AnyArray:
    """Return an array with bytes decoded as UTF-8.

    Raises:
        InputError: the bytes are not UTF-8.
    """
    array = np.asarray(values)
    if array.dtype.kind != "S":
        return array
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} must be text in UTF-8") from error


def _whole(labels: AnyArray, where: str) -> Labels:
    if labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), UNLABELED, labels)
        if not (np.isfinite(labels) & (labels == np.rint(labels))).all():
            raise InputError(f"{where} must hold labels: whole numbers or text, not fractions")
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < UNLABELED:
        raise InputError(f"{where}: labels must be at least 0, or -1 for unlabeled images, got {low}")
    if high > MAX_LABEL:
        raise InputError(f"{where}: labels go up to {high:,}", hint="number the classes from 0")
    return labels.astype(np.int64)


def _from_one_hot(labels: AnyArray, where: str) -> Labels:
    """Return the class number of each row of (M, K) zeros with one 1; a row of zeros has no label."""
    hint = f"save one class per image, or {WITHOUT_LABELS}"
    if labels.dtype.kind == "U" or not np.isin(labels, (0, 1)).all():
        raise InputError(
            f"{where}: labels of shape {labels.shape} must be one-hot: one 1 in each row, else 0", hint=hint
        )
    ones = np.count_nonzero(labels, axis=1)
    if ones.max(initial=0) > 1:
        raise InputError(f"{where} holds several labels per image, but one is needed", hint=hint)
    return np.where(ones == 1, labels.argmax(axis=1), UNLABELED)


def _columns(split: LabelArray) -> int:
    """Return the number K of classes of one-hot labels; 0 for other labels."""
    values = split.values
    return values.shape[1] if values is not None and values.ndim == 2 and values.shape[1] > 1 else 0


def _numbered_text(labels: AnyArray, class_names: tuple[str, ...], where: str) -> tuple[Labels, tuple[str, ...]]:
    unique = [str(name) for name in np.unique(labels) if name]
    if class_names and (other := next((name for name in unique if name not in class_names), None)) is not None:
        raise InputError(f"{where}: label '{other}' is not one of the {len(class_names)} class names")
    names = class_names or tuple(unique)
    numbers = {"": UNLABELED} | {name: number for number, name in enumerate(names)}
    return np.array([numbers[str(name)] for name in labels], np.int64), names


def _names_of_numbers(labels: Labels, columns: int, class_names: tuple[str, ...], where: str) -> tuple[str, ...]:
    high = max(int(labels.max(initial=UNLABELED)), columns - 1)
    if class_names and high >= len(class_names):
        raise InputError(f"{where}: label {high} has no name among the {len(class_names)} class names")
    if high >= MAX_UNNAMED_CLASSES:
        raise InputError(f"{where}: labels go up to {high:,}", hint="number the classes from 0 and add class_names")
    return class_names or tuple(map(str, range(high + 1)))
