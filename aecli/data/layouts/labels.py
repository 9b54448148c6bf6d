"""Labels in the names of files: folders, or the prefixes of file names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.class_numbers import number_labels
from aecli.errors import InputError

Labels = NDArray[np.int64] | None


def labels_from_prefixes(names: Sequence[str], where: Path) -> tuple[Labels, tuple[str, ...]]:
    """Take each file's class from the part of its name before the first `_`; -1 for a name without one.

    Raises:
        InputError: no name has one.
    """
    files = (name.rpartition("/")[2] for name in names)
    prefixes = [file.partition("_")[0] if "_" in file else "" for file in files]
    if not any(prefixes):
        raise InputError(
            f"no file name has a class before a '_': {where}", hint="name files like cat_001.png, or --labels-from none"
        )
    return number_labels(prefixes, by_value=False)


def labels_from_folders(names: Sequence[str], depths: Sequence[int]) -> tuple[Labels, tuple[str, ...]]:
    """Take each file's class from the folder at its depth in the path; -1 for a file above that depth."""
    parts = [name.split("/", depth + 1) for name, depth in zip(names, depths, strict=True)]
    classes = [part[-2] if len(part) == depth + 2 else "" for part, depth in zip(parts, depths, strict=True)]
    return number_labels(classes, by_value=False)
