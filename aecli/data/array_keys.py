"""Find images and labels among the arrays of an `.npz` file by their names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aecli.data.split_names import ALIASES

IMAGE_NAMES = ("images", "image", "imgs", "x", "data", "pixels", "arr_0")
LABEL_NAMES = ("labels", "label", "y", "targets", "target")
CLASS_NAMES = ("class_names", "label_names")
OTHER_NAMES = ("names", "meta", "codes")

SPLIT_KEY = re.compile(
    rf"(?:(?P<part>{'|'.join(IMAGE_NAMES[:-1] + LABEL_NAMES)})_?(?P<split>{{splits}})"
    rf"|(?P<split2>{{splits}})_?(?P<part2>{'|'.join(IMAGE_NAMES[:-1] + LABEL_NAMES)}))".replace(
        "{splits}", "|".join(alias for aliases in ALIASES.values() for alias in aliases)
    )
)
"""`x_train` and `y_train` as in Keras, or `train_images` and `train_labels` as in MedMNIST."""


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
    unused: tuple[str, ...]
    """The names of the other arrays."""


def find_sets(keys: Iterable[str]) -> ArraySets:
    """Find the images and labels among arrays of these names. Upper and lower case are the same.

    Splits take precedence over an array without one. A single array that is not labels is the images, whatever its
    name.
    """
    names = sorted(keys)
    by_lower = {name.lower(): name for name in reversed(names)}
    class_names = next((by_lower[name] for name in CLASS_NAMES if name in by_lower), None)
    splits = _split_sets(names) or _one_set(names, by_lower, class_names)
    used = {key for each in splits.values() for key in (each.images, each.labels)} | {class_names}
    unused = tuple(name for name in names if name not in used and name not in OTHER_NAMES)
    return ArraySets(splits, class_names, unused)


def _split_sets(names: list[str]) -> dict[str, ArrayKeys]:
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    split_of = {alias: split for split, aliases in ALIASES.items() for alias in aliases}
    for name in names:
        if match := SPLIT_KEY.fullmatch(name.lower()):
            split = split_of[match["split"] or match["split2"]]
            part = match["part"] or match["part2"]
            (images if part in IMAGE_NAMES else labels).setdefault(split, name)
    return {split: ArrayKeys(images[split], labels.get(split)) for split in ALIASES if split in images}


def _one_set(names: list[str], by_lower: dict[str, str], class_names: str | None) -> dict[str, ArrayKeys]:
    labels = next((by_lower[name] for name in LABEL_NAMES if name in by_lower), None)
    others = [name for name in names if name not in (labels, class_names, *OTHER_NAMES)]
    images = next((by_lower[name] for name in IMAGE_NAMES if name in by_lower), None)
    if images is None and len(others) == 1:
        images = others[0]
    if images is None:
        return {}
    if images == "arr_0" and labels is None and "arr_1" in names:  # numpy.savez(path, images, labels)
        labels = "arr_1"
    return {"all": ArrayKeys(images, labels)}
