"""Several files that are read as one set of images: `photos-{000..009}.tar`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.class_numbers import sorted_classes
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource, Source
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.labels import UNLABELED
from aecli.storage.limits import allow_open_files
from aecli.storage.paths import short_names

BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
MAX_SHARDS = 100_000
RANGE_HINT = "use a smaller range in the braces"


def expand_braces(pattern: str) -> list[str]:
    """Return the names that a pattern with braces stands for, such as `photos-{000..009}.tar` or `{a,b}.tar`.

    Numbers keep their leading zeros. A text without such braces is returned as it is.

    Raises:
        InputError: the pattern stands for too many names.
    """
    parts = BRACES.split(pattern)
    choices = [[part] if index % 2 == 0 else _choices(part) for index, part in enumerate(parts)]
    if (number := prod(map(len, choices))) > MAX_SHARDS:
        raise InputError(f"{pattern} stands for {number:,} files, more than {MAX_SHARDS:,}", hint=RANGE_HINT)
    return ["".join(parts) for parts in product(*choices)]


def _choices(text: str) -> list[str]:
    if match := RANGE.fullmatch(text):
        first, last = int(match[1]), int(match[2])
        if abs(last - first) < MAX_SHARDS:
            step = 1 if first <= last else -1
            return [str(number).zfill(len(match[1])) for number in range(first, last + step, step)]
        raise InputError(f"{{{text}}} stands for more than {MAX_SHARDS:,} files", hint=RANGE_HINT)
    return text.split(",") if "," in text else [f"{{{text}}}"]


class ShardedSource(Source):
    """The images of several files of one kind, in their order."""

    def __init__(self, shards: Sequence[PathSource]):
        self.shards = shards
        self.summary = shards[0].summary

    @cached_property
    def _aligned(self) -> Sequence[PathSource]:
        """The files, whose names of images start alike.

        Raises:
            InputError: a file is damaged.
            UnavailableError: the system does not allow so many open files.
        """
        allow_open_files(len(self.shards))
        self.shards[0].align(self.shards)
        return self.shards

    def splits(self) -> tuple[str, ...]:
        """Return the splits that any of the files has.

        Raises:
            InputError: a file is damaged.
            UnavailableError: the system does not allow so many open files.
        """
        found = {split for shard in self._aligned for split in shard.splits()}
        return tuple(split for split in self.shards[0].all_splits if split in found)

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the images of a split, or of all.

        Raises:
            InputError: a file is damaged or holds no images, or they hold arrays instead of image files.
        """
        holding = [shard for shard in self._aligned if split == "all" or split in shard.splits()]
        parts = {str(shard.path): _files(shard.read(split, options, progress), shard.path) for shard in holding}
        return joined(parts, is_several=len(self._aligned) > 1)

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageFiles:
        """List every image of all files.

        Raises:
            InputError: a file is damaged or holds no images.
        """
        shards = self._aligned
        parts = {str(shard.path): _files(shard.read_unsplit(options, progress), shard.path) for shard in shards}
        return joined(parts, is_several=len(shards) > 1)


def _files(content: object, path: Path) -> ImageFiles:
    if not isinstance(content, ImageFiles):
        raise InputError(f"{path} cannot be one of several files of a set")
    return content


def joined(contents: dict[str, ImageFiles], *, is_several: bool) -> ImageFiles:
    """Return the images of files of a set, given by their paths.

    With `is_several`, names start with those of the files. Images thus have the same names, and are in the same split,
    in each set of several files, also if names repeat between files.
    """
    parts = list(contents.values())
    names = [part.names for part in parts]
    stems = [Path(path).name.partition(".")[0] for path in contents]
    if len(set(stems)) < len(stems):
        stems = short_names([Path(path) for path in contents])
    if is_several:
        names = [
            np.array([f"{stem}/{name}" for name in part.names.tolist()], np.str_)
            for stem, part in zip(stems, parts, strict=True)
        ]
    labels, class_names = _joined_labels(parts)
    masks = None
    if any(part.masks is not None for part in parts):
        masks = tuple(files for part in parts for files in part.masks or ((),) * len(part.names))
    return replace(
        parts[0],
        names=np.concatenate(names),
        labels=labels,
        class_names=class_names,
        files=tuple(file for part in parts for file in part.files),
        masks=masks,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _joined_labels(parts: Sequence[ImageFiles]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return labels that are indices into the sorted classes of all files."""
    if all(part.labels is None for part in parts):
        return None, ()
    class_names = sorted_classes(name for part in parts for name in part.class_names)
    number = {name: index for index, name in enumerate(class_names)}
    labels = []
    for part in parts:
        table = np.array([*(number[name] for name in part.class_names), UNLABELED], np.int64)  # -1 selects the last
        labels.append(np.full(len(part.names), UNLABELED) if part.labels is None else table[part.labels])
    return np.concatenate(labels), class_names
