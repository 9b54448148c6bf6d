"""The layout of a folder or an archive of image files: splits, classes, masks, and what is passed over.

Everything is computed from the list of file names, so that all containers of files are read alike.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.class_numbers import number_labels
from aecli.data.encoded import EncodedImage
from aecli.data.formats.known import FORMATS, SUFFIXES, SUMMARY, UNREAD_SUFFIXES
from aecli.data.layouts.folder_tree import child_folders, folder_of
from aecli.data.layouts.masks import find_masks
from aecli.data.layouts.split_names import is_container, split_folders, split_of
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress

Labels = NDArray[np.int64] | None

MISSING_FORMATS = {suffix: one for one in FORMATS if not one.is_available for suffix in one.suffixes}
"""The formats whose decoders are not installed, by suffix."""
SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "lost+found", "@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information"}
)
"""Folders that macOS, Linux, network storage and Windows add: copies of metadata, thumbnails, deleted files."""
MAX_LISTED = 8
"""The most suffixes or folders that a note or an error lists."""


@dataclass(frozen=True)
class Layout:
    """The files below a root, by what they are."""

    images: tuple[str, ...]
    """The sorted names of all image files: posix paths relative to the root. Masks are not among them."""
    masks: Mapping[str, Sequence[str]]
    """The sorted masks of each image that has some."""
    mask_count: int
    """The number of masks, including those without an image."""
    passed_over: Mapping[str, int]
    """The number of the other files by suffix, the most frequent first."""
    folders: Mapping[str, Sequence[str]]
    """The sorted names of the folders in each folder that has some; only folders with images below them."""
    with_images: frozenset[str]
    """The folders that hold images themselves: "" or paths with a `/` at the end."""
    unread_folders: Mapping[str, Sequence[str]]
    """The names of the folders in each folder that have image files below them whose format is not read."""

    @classmethod
    def of(cls, names: Iterable[str]) -> "Layout":
        """Return the layout of the files below a root, given the names of all files."""
        images, others, unread = [], Counter[str](), set[str]()
        for name in names:
            suffix = suffix_of(name)
            if suffix in SUFFIXES:
                images.append(name)
            else:
                others[suffix] += 1
                if suffix in UNREAD_SUFFIXES or suffix in MISSING_FORMATS:
                    unread.add(folder_of(name))
        images.sort()
        masks = find_masks(images)
        masks_of: dict[str, list[str]] = {}
        for mask, image in sorted(masks.items()):
            if image is not None:
                masks_of.setdefault(image, []).append(mask)
        images = [name for name in images if name not in masks] if masks else images
        with_images = frozenset(map(folder_of, images))
        passed_over = dict(sorted(others.items(), key=lambda item: (-item[1], not item[0], item[0])))
        return cls(
            tuple(images),
            masks_of,
            len(masks),
            passed_over,
            child_folders(with_images),
            with_images,
            child_folders(unread),
        )

    @cached_property
    def top(self) -> str:
        """The folder that the splits or classes are in: "", or that of all images, such as `photos/`.

        A single folder that holds everything is a class, unless it holds a folder for `train`, or its name says only
        that it holds images.
        """
        if self.splits_in(""):
            return ""
        folder = ""
        while single := self.single_folder(folder):
            folder = single
            if any("train" in splits for splits in self.splits_in(folder).values()):
                return folder
        folder = ""
        while (single := self.single_folder(folder)) and is_container(_last(single)):
            folder = single
        return folder

    def splits_in(self, folder: str) -> Mapping[str, frozenset[str]]:
        """Return the folders in `folder` that hold a split, and the splits that each name stands for.

        A folder is divided if it has a folder for `train` beside one for `test` or `val`, or no other folders: a
        single such folder among others is a class.
        """
        names = [*self.folders.get(folder, ())]
        # The folder of a split is one even if none of its images can be read; `read` then explains why.
        names += [name for name in self.unread_folders.get(folder, ()) if split_of(name) and name not in names]
        found = split_folders(names)
        if len(names) == len(found) == 1 and len(split_folders(self.folders.get(f"{folder}{names[0]}/", ()))) > 1:
            return {}  # the splits are in a folder that is called like one
        splits = frozenset[str]().union(*found.values())
        is_divided = len(found) == len(names) or ("train" in splits and len(splits) > 1 and len(found) > 1)
        return found if is_divided else {}

    def class_folder(self, folder: str, split: str) -> str:
        """Return the folder that holds the classes of a split: `train/`, `train/train/` or `train/images/`."""
        while single := self.single_folder(folder):
            if split_of(_last(single)) != split and not is_container(_last(single)):
                break
            folder = single
        return folder

    def single_folder(self, folder: str) -> str | None:
        """Return the only folder in `folder`, such as `photos/`; None if there are others, or images beside it."""
        names = self.folders.get(folder, ())
        return f"{folder}{names[0]}/" if len(names) == 1 and folder not in self.with_images else None


class LayoutSource(PathSource):
    """Image files in folders, on disk or in an archive, sorted by their names.

    The folders may hold splits, `train`, `val` and `test` by these or similar names. The next level of folders are the
    classes; images above it have no label. Subclasses list the files and open them; files are listed once.
    """

    all_splits = ("train", "val", "test")

    @abstractmethod
    def _list_files(self) -> Iterable[str]:
        """Return the names of all files below the root, images or not, without hidden ones.

        A name is a posix path relative to the root.

        Raises:
            InputError: the root cannot be read.
        """

    @abstractmethod
    def _file(self, name: str) -> EncodedImage:
        """Return the image file of a name."""

    @cached_property
    def layout(self) -> Layout:
        """What the files below the root are.

        Raises:
            InputError: the root cannot be read.
        """
        return Layout.of(self._list_files())

    def splits(self) -> tuple[str, ...]:
        """Return the splits that have a folder.

        Raises:
            InputError: the root cannot be read, or folders look like splits but cannot be sorted.
        """
        return tuple(self._folders)

    @cached_property
    def _folders(self) -> Mapping[str, str]:
        """The folder that holds the classes or images of each split; empty if the root is not divided into splits."""
        layout, top = self.layout, self.layout.top
        found = layout.splits_in(top)
        if any(len(splits) > 1 for splits in found.values()) or len(set(found.values())) < len(found):
            raise InputError(
                f"folders in {self.path / top} look like splits, but not like one each of train, val and test: "
                f"{listed(found)}",
                hint=f"name one of them, such as {self.path / top / next(iter(found))}, or rename them",
            )
        if not found:
            self._require_one_set()
        folders = {next(iter(splits)): f"{top}{name}/" for name, splits in found.items()}
        return {split: layout.class_folder(folders[split], split) for split in self.all_splits if split in folders}

    def _require_one_set(self) -> None:
        """Check that the folders are not sets of their own, each with splits."""
        names = self.layout.folders.get(self.layout.top, ())
        inner = {name: self.layout.splits_in(f"{self.layout.top}{name}/") for name in names}
        if names and all(len(splits) > 1 for splits in inner.values()):
            raise InputError(
                f"each folder in {self.path / self.layout.top} holds splits: "
                f"{listed(f'{name}/{split}' for name, splits in inner.items() for split in splits)}",
                hint=f"name one of them, such as {self.path / self.layout.top / names[0]}",
            )

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the files of a split.

        Raises:
            InputError: there is no image file, or labels are to come from prefixes and no name has one.
        """
        self.require_images()
        folders = self._folders
        if split in folders and not any(name.startswith(folders[split]) for name in self.layout.images):
            raise self._no_images(self.path / folders[split])
        # Classes are numbered over all splits, so that a label means the same in each.
        everything, depths = self._in_folders(list(folders.values()) or [self.layout.top])
        if options.labels_from == "prefix":
            labels, class_names = labels_from_prefixes(everything, self.path)
        else:
            labels, class_names = labels_from_folders(everything, depths)
        files = self._content(everything, labels, class_names)
        if split == "all":
            return files
        return files.take(np.flatnonzero([name.startswith(folders[split]) for name in everything]))

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageFiles:
        """List all image files below the root, whether they are in a split's folder or not; without labels.

        Raises:
            InputError: there is no image file.
        """
        self.require_images()
        return self._content(self.layout.images, None, ())

    def _content(self, names: Sequence[str], labels: Labels, class_names: tuple[str, ...]) -> ImageFiles:
        masks = self.layout.masks
        return ImageFiles(
            np.array(names),
            labels,
            class_names,
            tuple(self._file(name) for name in names),
            masks=tuple(tuple(map(self._file, masks.get(name, ()))) for name in names)
            if self.layout.mask_count
            else None,
            notes=self._notes(names),
        )

    def _in_folders(self, folders: Sequence[str]) -> tuple[list[str], list[int]]:
        """Return the sorted names of the images in the folders, and the depth of the class in each name."""
        found = [
            (name, folder.count("/")) for folder in folders for name in self.layout.images if name.startswith(folder)
        ]
        found.sort()
        return [name for name, _ in found], [depth for _, depth in found]

    def require_images(self) -> None:
        """Check that there is an image.

        Raises:
            InputError: there is none, or the root cannot be read.
        """
        if not self.layout.images:
            raise self._no_images(self.path)

    def _no_images(self, folder: Path) -> InputError:
        passed_over = self.layout.passed_over
        note = passed_over_note(passed_over)
        missing = (
            f"to read {one.name}: {one.install}" for suffix, one in MISSING_FORMATS.items() if suffix in passed_over
        )
        return InputError(
            f"no image file in {folder}{f'; {note}' if note else ''}", hint=next(missing, f"known formats: {SUMMARY}")
        )

    def _notes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Describe the files below the root that are not among the images."""
        layout, notes = self.layout, []
        if len(names) < len(layout.images):
            used = set(names)
            tops = Counter(_outer_folder(name, layout.top) for name in layout.images if name not in used)
            notes.append(
                f"ignored, not in the folder of a split: {listed(f'{top} ({n:,})' for top, n in tops.items())}"
            )
        if layout.mask_count:
            notes.append(f"left out, as they are masks of other images: {layout.mask_count:,}")
        if note := passed_over_note(layout.passed_over):
            notes.append(note)
        missing = {one.name: one for suffix, one in MISSING_FORMATS.items() if suffix in layout.passed_over}
        notes += [f"to read {one.name}: {one.install}" for one in missing.values()]
        return tuple(notes)


def passed_over_note(counts: Mapping[str, int]) -> str | None:
    """Return the note on files that are not images, given their number by suffix; None for no files."""
    by_suffix = [f"{count:,} {suffix or 'without suffix'}" for suffix, count in counts.items()]
    return f"passed over: {listed(by_suffix)}" if counts else None


def listed(items: Iterable[str]) -> str:
    """Join items with commas; after the first ones only the number of the others is given."""
    texts = list(items)
    more = len(texts) - MAX_LISTED
    return ", ".join(texts[:MAX_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def is_visible(name: str) -> bool:
    """Return whether a file or folder of this name is neither hidden nor one that a system keeps for itself."""
    return not name.startswith(".") and name not in SYSTEM_FOLDERS


def suffix_of(name: str) -> str:
    """Return the suffix of a posix path in lower case: `.png`, or "" for none."""
    file = name.rpartition("/")[2]
    stem, dot, suffix = file.rpartition(".")
    return f".{suffix.lower()}" if dot and stem and suffix else ""


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


def _last(folder: str) -> str:
    """Return the name of a folder, given its path with a `/` at the end."""
    return folder.split("/")[-2]


def _outer_folder(name: str, top: str) -> str:
    """Return the folder of a file below `top`, or the file itself if it is in none."""
    return name[len(top) :].partition("/")[0] if name.startswith(top) else name.partition("/")[0]
