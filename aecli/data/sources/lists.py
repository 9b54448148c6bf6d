"""A list of image files with their labels and splits: `.csv`, `.tsv` or `.jsonl`."""

import os
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from aecli.data.class_numbers import number_labels
from aecli.data.encoded import EncodedImage, FileOnDisk, UnreadableImageError
from aecli.data.layouts.labels import labels_from_prefixes
from aecli.data.layouts.split_names import split_of
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.data.tables import JSON_SUFFIXES, TABLE_SUFFIXES, Row, Table, list_columns, shorten
from aecli.errors import InputError
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.storage.limits import require_memory

URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://|data:")
MAX_PATH_LENGTH = 4096
"""Characters; as long as the paths of any system."""
BYTES_PER_CHARACTER = 4
"""In an array of names."""


@dataclass(frozen=True, slots=True)
class ListedFile(EncodedImage):
    """An image file that a list names. It builds its path when it is used: a list may have millions of rows."""

    list_path: Path
    name: str
    """The path relative to the folder of the list, or absolute."""
    line: int
    """The line in the list, counted from 1."""
    page: int | None = None

    @property
    def where(self) -> str:
        """The path, below the folder of the list as it was given."""
        return self._on_disk().where

    @property
    def own_file(self) -> Path:
        """The path, as in messages."""
        return self._on_disk().path

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file.

        Raises:
            UnreadableImageError: the file is missing, empty or not a regular file.
        """
        try:
            return self._on_disk().open()
        except UnreadableImageError as error:
            raise UnreadableImageError(
                self.where,
                f"{error.reason} ({self.list_path}, line {self.line:,})",
                hint="paths in a list are relative to its folder; skip those that cannot be read with --skip-damaged",
            ) from error

    def state(self) -> bytes:
        """Return the state of the file on disk."""
        return self._on_disk().state()

    def _on_disk(self) -> FileOnDisk:
        return FileOnDisk(self.list_path.parent / self.name, self.page)


@dataclass
class _Listing:
    """The rows of a list, each image once."""

    indices: dict[str, int] = field(default_factory=dict)
    """The index of each image by its name, in the order of the list."""
    lines: list[int] = field(default_factory=list)
    """The line of each image."""
    labels: list[str] = field(default_factory=list)
    """The label of each image, "" without one."""
    splits: list[str] = field(default_factory=list)
    """The split of each image, "" without one."""
    ignored: tuple[str, ...] = ()
    """The columns that were ignored."""
    repeated: int = 0
    """Rows that repeat an earlier one."""
    conflict: InputError | None = None
    """The first row that gives an image another label than an earlier one."""


class ImageList(PathSource):
    """The image files that a `.csv`, `.tsv` or `.jsonl` names in its column `path`, with their labels and splits.

    Paths are relative to the folder of the list. The columns `label` and `split` are optional, and so are the values
    in them; other columns are ignored. Classes are sorted, by their numbers if all are numbers.
    """

    kind = "list of images"
    summary = ".csv, .tsv or .jsonl with the columns path and, if there are any, label and split"
    all_splits = ("train", "val", "test")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the suffix."""
        return path.suffix.lower() in (*TABLE_SUFFIXES, *JSON_SUFFIXES) and not path.is_dir()

    def splits(self) -> tuple[str, ...]:
        """Return the splits that the list assigns images to.

        Raises:
            InputError: the list is damaged.
        """
        present = set(self._listing.splits)
        return tuple(split for split in self.all_splits if split in present)

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """Return the files of a split.

        Raises:
            InputError: the list is damaged, or gives an image two labels.
            UnavailableError: there is not enough memory for the names.
        """
        listing = self._listing
        if listing.conflict and options.labels_from != "none":
            raise listing.conflict
        files = self._files(listing, options)
        if split == "all":
            return files
        return files.take(np.flatnonzero(np.array([each == split for each in listing.splits])))

    def _files(self, listing: _Listing, options: DataOptions) -> ImageFiles:
        names = list(listing.indices)
        longest = max(map(len, names))
        require_memory(
            longest * len(names) * BYTES_PER_CHARACTER,
            f"an array of {len(names):,} names of up to {longest:,} characters",
            "shorten the paths, such as by a list that is nearer to the images",
        )
        # Classes are numbered over all splits, so that a label means the same in each.
        labels, class_names = number_labels(listing.labels)
        if labels is None and options.labels_from == "prefix":
            labels, class_names = labels_from_prefixes(names, self.path)
        return ImageFiles(
            np.array(names),
            labels,
            class_names,
            tuple(ListedFile(self.path, name, line) for name, line in zip(names, listing.lines, strict=True)),
            notes=tuple(_notes(listing, self.path)),
        )

    @cached_property
    def _listing(self) -> _Listing:
        table, listing = Table(self.path), _Listing()
        for row in table.rows():
            name, split = _name(row, table), _split(row, table)
            label = "" if row.label.lower() == "nan" else row.label
            index = listing.indices.setdefault(name, len(listing.lines))
            if index == len(listing.lines):
                listing.lines.append(row.line)
                listing.labels.append(label)
                listing.splits.append(split)
                continue
            earlier = f"{shorten(name)} is also in line {listing.lines[index]:,}, with another"
            if listing.splits[index] != split:
                raise table.error(row.line, f"{earlier} split", "keep one row for each image")
            if listing.labels[index] != label and listing.conflict is None:
                listing.conflict = table.error(
                    row.line, f"{earlier} label", "keep one row for each image, or ignore labels: --labels-from none"
                )
            listing.repeated += 1
        if not listing.lines:
            raise InputError(f"no image is listed in {self.path}", hint="add one row for each image")
        listing.ignored = tuple(table.ignored)
        return listing


def _name(row: Row, table: Table) -> str:
    """Return the name of the image in a row: its path with forward slashes.

    Raises:
        InputError: the path is missing, a URL or no text that a path can be.
    """
    name = row.path
    if not name:
        raise table.error(row.line, "the row has no path")
    if URL.match(name):
        raise table.error(
            row.line,
            f"{shorten(name)} is a URL, and aecli does not download images",
            "download the images, and list the files",
        )
    if len(name) > MAX_PATH_LENGTH or "\0" in name or not _is_encodable(name):
        raise table.error(row.line, f"not a path: {shorten(name)}")
    if "\\" in name and not name.startswith("/"):
        name = name.replace("\\", "/")
    if name.startswith("./") or "//" in name or "/./" in name:
        name = PurePosixPath(name).as_posix()
    return name


def _split(row: Row, table: Table) -> str:
    """Return `train`, `val`, `test`, or "" for a row without a split.

    Raises:
        InputError: the split is unknown.
    """
    if not row.split:
        return ""
    if split := _known_split(row.split):
        return split
    raise table.error(
        row.line, f"unknown split '{shorten(row.split)}'", "use train, val and test, or rename the column"
    )


def _notes(listing: _Listing, path: Path) -> Iterable[str]:
    if listing.ignored:
        yield f"ignored columns of {path}: {list_columns(listing.ignored)}"
    if listing.repeated:
        yield f"{counted(listing.repeated, 'row')} of {path} repeat an image that is listed before"
    without = listing.splits.count("")
    if 0 < without < len(listing.splits):
        yield f"{counted(without, 'image')} of {path} without a split: only in {path}:all"


def _is_encodable(name: str) -> bool:
    if name.isascii():
        return True
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a surrogate, which JSON can express but no text contains
        return False
    return True


_known_split = lru_cache(maxsize=256)(split_of)


SOURCES = (ImageList,)
