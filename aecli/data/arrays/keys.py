"""Find images and labels among the arrays of an `.npz` file by their names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aecli.data.layouts.split_names import ALIASES

IMAGE_NAMES = ("images", "image", "imgs", "x", "data", "pixels", "arr_0")
LABEL_NAMES = ("labels", "label", "y", "targets", "target")
CLASS_NAMES = ("class_names", "label_names", "target_names")
OTHER_NAMES = ("meta", "codes")

_PART = "|".join((*IMAGE_NAMES[:-1], *LABEL_NAMES))
_SPLIT = "|".join(alias for aliases in ALIASES.values() for alias in aliases)
SPLIT_KEY = re.compile(rf"(?P<part>{_PART})(?P<split>{_SPLIT})|(?P<split2>{_SPLIT})(?P<part2>{_PART})?")
"""`x_train` and `y_train` as in Keras, `train_images` and `train_labels` as in MedMNIST, or `train`, in lower case and
without punctuation."""


@dataclass(frozen=True)
class ArrayKeys:
    """The names of the arrays of one set of images."""

    images: str
    labels: str | None


@dataclass(frozen=True)
class ArraySets:
    """The sets of images in a file."""

    splits: dict[str, ArrayKeys]
    """By split; {"all": ...} for a file without splits. Empty if no array is called as images are."""
    class_names: str | None
    names: str | None
    """The array of the images' names, in a file without splits."""
    unused: tuple[str, ...]
    """The names of the other arrays."""


def find_sets(keys: Iterable[str]) -> ArraySets:
    """Find the images and labels among arrays of these names. Case and punctuation do not matter.

    Splits such as `x_train` take precedence over an array such as `x`, and this one over splits such as `train`. A
    single array that is not labels is the images, whatever its name.
    """
    keys = sorted(keys)
    by_lower = {key.lower(): key for key in reversed(keys)}
    class_names = next((by_lower[name] for name in CLASS_NAMES if name in by_lower), None)
    sets = _split_sets(keys)
    if any(_is_bare(each.images) for each in sets.values()):
        sets = _one_set(by_lower) or sets
    sets = sets or _one_set(by_lower) or _only_set(keys, by_lower, class_names)
    names = by_lower.get("names") if "all" in sets else None
    used = {key for each in sets.values() for key in (each.images, each.labels)} | {class_names, names}
    return ArraySets(sets, class_names, names, tuple(key for key in keys if key not in used and key not in OTHER_NAMES))


def _split_sets(keys: list[str]) -> dict[str, ArrayKeys]:
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    split_of = {alias: split for split, aliases in ALIASES.items() for alias in aliases}
    for key in sorted(keys, key=_is_bare):
        if match := SPLIT_KEY.fullmatch(_plain(key)):
            split = split_of[match["split"] or match["split2"]]
            part = match["part"] or match["part2"]
            (labels if part in LABEL_NAMES else images).setdefault(split, key)
    return {split: ArrayKeys(images[split], labels.get(split)) for split in ALIASES if split in images}


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _is_bare(key: str) -> bool:
    """Return whether a name is only that of a split: `train`."""
    return any(_plain(key) in aliases for aliases in ALIASES.values())


def _one_set(by_lower: dict[str, str]) -> dict[str, ArrayKeys]:
    images = next((by_lower[name] for name in IMAGE_NAMES if name in by_lower), None)
    if images is None:
        return {}
    labels = _labels(by_lower)
    if images == "arr_0" and labels is None:  # numpy.savez(path, images, labels)
        labels = by_lower.get("arr_1")
    return {"all": ArrayKeys(images, labels)}


def _only_set(keys: list[str], by_lower: dict[str, str], class_names: str | None) -> dict[str, ArrayKeys]:
    labels = _labels(by_lower)
    others = [key for key in keys if key not in (labels, class_names, by_lower.get("names"), *OTHER_NAMES)]
    return {"all": ArrayKeys(others[0], labels)} if len(others) == 1 else {}


def _labels(by_lower: dict[str, str]) -> str | None:
    return next((by_lower[name] for name in LABEL_NAMES if name in by_lower), None)
