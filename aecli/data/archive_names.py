"""The names of the files in an archive of compressed images, and of the images that are restored from it."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec import SUFFIX
from aecli.data.formats.known import KNOWN_SUFFIXES
from aecli.storage.labels import UNLABELED
from aecli.storage.paths import plain_name

RESTORED = ".png"
MAX_BYTES = 240
"""Bytes of each part of a name; file systems allow 255, including the suffix that is added."""
DRIVE = re.compile(r"^[A-Za-z]:")


def archived_names(
    names: Iterable[str], labels: NDArray[np.int64] | None = None, class_names: Sequence[str] = ()
) -> list[str]:
    """Return the posix path of each image's file below the folder of an archive: `a/1.jpg` becomes `a/1.jpg.aec`.

    The class of an image whose folder does not have its name becomes its folder. Paths stay inside the archive, and
    no two of them differ in upper and lower case only.

    Args:
        names: The names of the images, unique posix paths.
        labels: (N,) indices into `class_names`, -1 for an image without a class; None if no image has one.
        class_names: The names of the classes.
    """
    taken: set[str] = set()
    archived = []
    for index, name in enumerate(names):
        *folders, file = _inside(name) or ["image"]
        class_name = "" if labels is None else _class_of(int(labels[index]), class_names)
        if class_name and folders[-1:] != [class_name]:
            folders.append(class_name)
        found = next(each for each in _variants(folders, file) if each.casefold() not in taken)
        taken.add(found.casefold())
        archived.append(f"{found}{SUFFIX}")
    return archived


def restored_names(archived: Sequence[str]) -> list[str]:
    """Return the posix path of each restored image: `a/1.jpg.aec` becomes `a/1.png`.

    Where two images would get one name, such as those of `1.jpg.aec` and `1.png.aec`, or one that differs in upper and
    lower case only, they keep their whole names: `1.jpg.png` and `1.png.png`.

    Args:
        archived: The paths of the files below the folder of the archive, unique.
    """
    whole = [name.removesuffix(SUFFIX) for name in archived]
    stems = [_without_image_suffix(name) for name in whole]
    counts = Counter(name.casefold() for pair in zip(whole, stems, strict=True) for name in set(pair))
    return [
        f"{stem if counts[stem.casefold()] == 1 else name}{RESTORED}" for name, stem in zip(whole, stems, strict=True)
    ]


def _class_of(label: int, class_names: Sequence[str]) -> str:
    return "" if label == UNLABELED else plain_name(class_names[label], "class")


def _inside(name: str) -> list[str]:
    """Return the parts of a posix path that stay below the folder that the path is joined to."""
    name = DRIVE.sub("", name.replace("\\", "/").removesuffix(SUFFIX))
    return [_shortened(part) for part in PurePosixPath(name.replace("\0", "")).parts if part not in ("/", "//", "..")]


def _shortened(part: str) -> str:
    if len(os.fsencode(part)) <= MAX_BYTES:
        return part
    stem, suffix = os.path.splitext(part)  # noqa: PTH122  of a part, which may end in a dot
    end = os.fsencode(suffix)[:MAX_BYTES]
    return os.fsencode(stem)[: MAX_BYTES - len(end)].decode(errors="ignore") + end.decode(errors="ignore")


def _variants(folders: Sequence[str], file: str) -> Iterator[str]:
    """Yield the path, and then the same path with a number before its suffix."""
    path = PurePosixPath(*folders, file)
    yield str(path)
    for number in range(2, 10**9):
        yield str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def _without_image_suffix(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in KNOWN_SUFFIXES else name
