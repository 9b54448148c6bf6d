"""The layout of files below a root: splits, classes, masks, and what is passed over.

Everything is computed from the list of file names, so that all containers of files are read alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from aecli.data.file_names import suffix_of
from aecli.data.formats.known import FORMATS, SUFFIXES, UNREAD_SUFFIXES, Format
from aecli.data.layouts.folder_tree import child_folders, folder_of
from aecli.data.layouts.masks import find_masks
from aecli.data.layouts.split_names import is_container, split_folders, split_of

MISSING_FORMATS = {suffix: one for one in FORMATS if not one.is_available for suffix in one.suffixes}
"""The formats whose decoders are not installed, by suffix."""


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

    @property
    def missing_formats(self) -> tuple[Format, ...]:
        """The formats of files that are passed over only because their decoders are not installed."""
        missing = {one.name: one for suffix, one in MISSING_FORMATS.items() if suffix in self.passed_over}
        return tuple(missing.values())

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
        readable = self.folders.get(folder, ())
        # The folder of a split is one even if none of its images can be read; `read` then explains why.
        unread = set(self.unread_folders.get(folder, ())).difference(readable)
        names = [*readable, *sorted(filter(split_of, unread))]
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


def _last(folder: str) -> str:
    """Return the name of a folder, given its path with a `/` at the end."""
    return folder.split("/")[-2]
