"""Image sets of Hugging Face: Parquet files with image files in their rows."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.archives.archive import ArchivedImage, plain_path
from aecli.data.archives.parquet_file import ParquetRows
from aecli.data.class_numbers import number_labels
from aecli.data.file_names import is_visible, listed, suffix_of
from aecli.data.formats.known import SUFFIXES
from aecli.data.layouts.labels import labels_from_prefixes
from aecli.data.layouts.split_names import split_folders, split_of
from aecli.data.options import DataOptions
from aecli.data.shards import joined
from aecli.data.source import ImageFiles, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.limits import allow_open_files
from aecli.storage.paths import is_folder

SUFFIX = ".parquet"
SHARD_NUMBER = re.compile(r"([-_.]\d+([-_.]of[-_.]\d+)?)?\.parquet$", re.IGNORECASE)


class ParquetSource(PathSource):
    """Image files in the rows of a Parquet file; the rows keep their order."""

    kind = ".parquet file"
    summary = "images and labels as Hugging Face stores them; needs pip install 'aecli[parquet]'"
    sharded = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the suffix."""
        return path.suffix.lower() == SUFFIX and not path.is_dir()

    @cached_property
    def _rows(self) -> ParquetRows:
        return ParquetRows(self.path)

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the images of all rows; the images are read later.

        Raises:
            InputError: the file is damaged, has no column of images, or labels are to come from prefixes and no name
                has one.
            UnavailableError: pyarrow is not installed.
        """
        rows = self._rows
        if not rows.count:
            raise InputError(f"no rows in {self.path}", hint="add one image for each row")
        titles = _titles(rows)
        classes = rows.labels() if options.labels_from != "none" else None
        labels, class_names = (None, ()) if classes is None else number_labels(classes)
        if labels is None and options.labels_from == "prefix":
            labels, class_names = labels_from_prefixes(titles, self.path)
        files = tuple(ArchivedImage(rows, str(row), title) for row, title in enumerate(titles))
        return ImageFiles(np.array(titles), labels, class_names, files)


class ParquetFolder(PathSource):
    """A folder of Parquet files, such as `data/train-00000-of-00002.parquet` or `default/train/0000.parquet`.

    Splits come from the names of the files, or of the folders that hold them.
    """

    kind = "folder of .parquet files"
    summary = "train-*.parquet, test-*.parquet and so on, also in data/; or train/*.parquet, test/*.parquet"
    all_splits = ("train", "val", "test")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Accept a folder that holds Parquet files but no images: itself, in its only folder, or in those of splits."""
        return path.is_dir() and bool(_parquet_files(path))

    @cached_property
    def _shards(self) -> dict[str, list[ParquetSource]]:
        """The files of each split; "" for those of none."""
        shards: dict[str, list[ParquetSource]] = {}
        for split, path in _parquet_files(self.path):
            shards.setdefault(split, []).append(ParquetSource(path))
        return shards

    def splits(self) -> tuple[str, ...]:
        """Return the splits that files or their folders are named after.

        If others are not, only `train` beside another split is one: the other files are ignored.
        """
        found = tuple(split for split in self.all_splits if split in self._shards)
        return found if "" not in self._shards or ("train" in found and len(found) > 1) else ()

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the images of a split, or of all. Classes are numbered over all splits.

        Raises:
            InputError: a file is damaged, or has no column of images.
            UnavailableError: pyarrow is not installed, or the system does not allow so many open files.
        """
        allow_open_files(sum(map(len, self._shards.values())))
        ignored = self._shards.get("", []) if self.splits() else []
        shards = [shard for each in self._shards.values() for shard in each if shard not in ignored]
        parts = {str(shard.path): shard.read("all", options, progress) for shard in shards}
        everything = joined(parts, is_several=len(parts) > 1)
        if ignored:
            note = f"ignored, not of a split: {listed(shard.path.name for shard in ignored)}"
            everything = replace(everything, notes=(*everything.notes, note))
        if split == "all":
            return everything
        wanted = {str(shard.path) for shard in self._shards[split]}
        return everything.take(np.flatnonzero(_belongs(parts, wanted)))


def _belongs(parts: dict[str, ImageFiles], wanted: set[str]) -> NDArray[np.bool_]:
    return np.concatenate([np.full(len(part.names), path in wanted) for path, part in parts.items()])


def _parquet_files(folder: Path) -> list[tuple[str, Path]]:
    """Return the Parquet files of a data set without images, each after its split; "" for none.

    They are in the folder, in its only folder, such as `data`, or in folders of splits in either.
    """
    files, folders = _entries(folder)
    if len(folders) == 1 and not files and not split_of(folders[0].name):
        files, folders = _entries(folders[0])
    if files and not folders:
        files.sort()
        return list(zip(_splits_of([path.name for path in files]), files, strict=True))
    found: list[tuple[str, Path]] = []
    for each in sorted(folders):
        split = split_of(each.name)
        shards, deeper = _entries(each) if split and not files else ([], [])
        if not shards or deeper:
            return []
        found += [(split or "", path) for path in sorted(shards)]
    return found


def _splits_of(names: Sequence[str]) -> list[str]:
    """Return the split of each file, such as `train-00000-of-00002.parquet` or `cifar10-train.parquet`; "" for none."""
    stems = [SHARD_NUMBER.sub("", name) for name in names]
    found = split_folders(stems)
    splits = (found.get(stem, frozenset()) for stem in stems)
    return [
        next(iter(split)) if len(split) == 1 else split_of(name.partition("-")[0].partition(".")[0]) or ""
        for split, name in zip(splits, names, strict=True)
    ]


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the Parquet files and the folders in a folder; none of either as soon as there is an image.

    Folders may hold millions of images, and this is asked of every folder.
    """
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                suffix = suffix_of(entry.name)
                if suffix in SUFFIXES:
                    return [], []
                if is_visible(entry.name) and is_folder(entry):
                    folders.append(Path(entry.path))
                elif is_visible(entry.name) and suffix == SUFFIX:
                    files.append(Path(entry.path))
    except OSError:  # the next source explains it
        return [], []
    return files, folders


def _titles(rows: ParquetRows) -> Sequence[str]:
    """Return a unique name for each row: the image's path if all rows have one, or else the number of the row."""
    paths = rows.paths()
    if paths is not None:
        plain = [plain_path(path) for path in paths]
        if len(set(plain)) == len(plain):
            return plain
    return [f"all/{row}" for row in range(rows.count)]


SOURCES = (ParquetSource, ParquetFolder)
