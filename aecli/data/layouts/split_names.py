"""Recognize the names of folders that hold a split: `train`, `val2017`, `seg_test`, `TrainImages`, `testset`."""

import re
from collections.abc import Iterable, Mapping

ALIASES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""The words that stand for each split."""
CONTAINERS = frozenset(
    {"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "frames", "files"}
    | {"data", "dataset", "datasets", "jpg", "jpeg", "png", "tif", "tiff", "bmp", "jpegimages", "rgb"}
)
"""The names of folders that say only that they hold images, so that they are not classes."""
ADDITIONS = CONTAINERS | frozenset(
    {"pic", "pics", "frame", "scan", "scans", "crop", "crops", "sample", "samples", "file", "folder", "dir"}
    | {"set", "sets", "split", "splits", "part", "subset", "seg", "cls", "full", "all", "small", "large", "mini"}
    | {"tiny", "new", "old", "final", "clean", "raw", "orig", "original", "processed", "resized", "sorted"}
    | {"labeled", "webp", "gray", "color"}
)
"""The words beside which a folder is still that of a split: `train_images`."""
MASK_WORDS = frozenset(
    {"mask", "masks", "gt", "groundtruth", "truth", "segmentation", "segmentations"}
    | {"annotation", "annotations", "annot", "annots", "label", "labels"}
)
"""The words in the name of a folder of masks; `train_masks` is not a split."""

_SPLIT_OF = {alias: split for split, aliases in ALIASES.items() for alias in aliases}
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_ALIAS = "|".join(sorted(_SPLIT_OF, key=len, reverse=True))
_JOINED = re.compile(f"(?:set|data|images|imgs?)?((?:{_ALIAS})+)(?:set|data|images|imgs?)?")


def split_of(name: str) -> str | None:
    """Return `train`, `val` or `test` for a name such as `valid` or `train2017`; None for any other name."""
    splits, additions = _parse(name)
    return next(iter(splits)) if len(splits) == 1 and _are_common(additions) else None


def split_folders(names: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the splits that each name stands for, two or more for a name such as `trainval`; leave out other names.

    Beside a common addition such as `images`, any addition is accepted that names of other splits share:
    `flowers_train` and `flowers_test`, but not `train_station` and `test_tube`.
    """
    parsed = {name: (splits, additions) for name in names for splits, additions in [_parse(name)] if splits}
    beside: dict[frozenset[str], set[frozenset[str]]] = {}
    for splits, additions in parsed.values():
        beside.setdefault(additions, set()).add(splits)
    return {
        name: splits
        for name, (splits, additions) in parsed.items()
        if not MASK_WORDS & additions and (len(beside[additions]) > 1 or _are_common(additions))
    }


def is_container(name: str) -> bool:
    """Return whether a folder's name says only that it holds images: `images`."""
    return name.lower() in CONTAINERS


def words_of(name: str) -> frozenset[str]:
    """Return the words in a name, in lower case: letters between digits, punctuation and capitals."""
    return frozenset(token.lower() for token in _TOKENS.findall(name))


def _parse(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the splits that a name refers to, and its other words; digits and punctuation are dropped."""
    splits: set[str] = set()
    additions: set[str] = set()
    for word in words_of(name):
        if match := _JOINED.fullmatch(word):
            splits.update(_SPLIT_OF[alias] for alias in re.findall(_ALIAS, match[1]))
        else:
            additions.add(word)
    return frozenset(splits), frozenset(additions)


def _are_common(additions: frozenset[str]) -> bool:
    return all(word in ADDITIONS or len(word) == 1 for word in additions)
