"""Convert an array of labels in any usual form to class numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.labels import UNLABELED

MAX_UNNAMED_CLASSES = 10_000
Labels = NDArray[np.int64]


def read_labels(
    arrays: Sequence[NDArray[Any] | None], counts: Sequence[int], class_names: tuple[str, ...], where: str
) -> tuple[Labels | None, tuple[str, ...]]:
    """Return the labels of all images, (N,) indices into the class names, and the class names.

    Args:
        arrays: The labels of each split: integers, whole floats, bool or text of shape (M,) or (M, 1), or one-hot
            (M, K). None, a negative one, NaN and empty text mark images without a label.
        counts: The number M of images of each split.
        class_names: The names of the classes; () for numbers as names.
        where: The file, for messages.

    Raises:
        InputError: the labels have another shape, type or number, or there are too many classes.
    """
    flat = [None if array is None else _flat(array, count, where) for array, count in zip(arrays, counts, strict=True)]
    known = [array for array in flat if array is not None]
    if not known:
        return None, ()
    texts = [array.dtype.kind == "U" for array in known]
    if any(texts) != all(texts):
        raise InputError(f"{where}: the labels of one split are text, those of another are numbers")
    kind: Any = known[0].dtype.type if all(texts) else np.int64
    missing: Any = "" if all(texts) else UNLABELED
    labels = np.concatenate(
        [np.full(count, missing, kind) if array is None else array for array, count in zip(flat, counts, strict=True)]
    )
    return _numbered_text(labels) if all(texts) else _checked(labels.astype(np.int64), arrays, class_names, where)


def _flat(labels: NDArray[Any], count: int, where: str) -> NDArray[Any]:
    """Return (M,) text or integers."""
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: labels must be text in UTF-8") from error
    if labels.dtype.kind not in "biufU":
        raise InputError(f"{where}: labels must be integers or text, not {labels.dtype}")
    if labels.ndim == 2 and labels.shape[0] == count and labels.shape[1] > 1:
        return _from_one_hot(labels, where)
    if labels.shape not in ((count,), (count, 1)):
        raise InputError(f"{where}: {count:,} images need labels of shape ({count},), not {labels.shape}")
    labels = labels.reshape(count)
    return labels if labels.dtype.kind == "U" else _whole(labels, where)


def _whole(labels: NDArray[Any], where: str) -> NDArray[Any]:
    if labels.dtype.kind != "f":
        return labels
    missing = np.isnan(labels)
    whole = np.where(missing, UNLABELED, labels)
    if not (np.isfinite(whole) & (whole == np.rint(whole))).all():
        raise InputError(f"{where}: labels must be whole numbers or text, not fractions", hint="save class numbers")
    return np.clip(whole, -(2**62), 2**62).astype(np.int64)


def _from_one_hot(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Return the class number of each row of (M, K) zeros with one 1; a row of zeros has no label."""
    if labels.dtype.kind == "U" or not np.isin(labels, (0, 1)).all():
        raise InputError(f"{where}: labels of shape {labels.shape} must be one-hot: one 1 in each row, else 0")
    ones = np.count_nonzero(labels, axis=1)
    if ones.max(initial=0) > 1:
        raise InputError(f"{where}: an image has several labels, but one is needed", hint="save one class per image")
    return np.where(ones == 1, labels.argmax(axis=1), UNLABELED)


def _numbered_text(labels: NDArray[Any]) -> tuple[Labels, tuple[str, ...]]:
    class_names = tuple(str(name) for name in np.unique(labels) if name)
    numbers = {name: number for number, name in enumerate(class_names)} | {"": UNLABELED}
    return np.array([numbers[str(name)] for name in labels], np.int64), class_names


def _checked(
    labels: Labels, arrays: Sequence[NDArray[Any] | None], class_names: tuple[str, ...], where: str
) -> tuple[Labels, tuple[str, ...]]:
    low, high = int(labels.min(initial=0)), int(labels.max(initial=UNLABELED))
    if low < UNLABELED:
        raise InputError(f"{where}: labels must be at least 0, or -1 for unlabeled images, got {low}")
    columns = max((array.shape[1] for array in arrays if array is not None and array.ndim == 2), default=1)
    high = max(high, columns - 1 if columns > 1 else high)
    if class_names and high >= len(class_names):
        raise InputError(f"{where}: label {high} has no name among the {len(class_names)} class names")
    if high >= MAX_UNNAMED_CLASSES:
        raise InputError(f"{where}: labels go up to {high:,}", hint="number the classes from 0 and add class_names")
    return labels, class_names or tuple(map(str, range(high + 1)))
