"""Sources of image files in folders, on disk or in an archive, which are sorted by their names."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from aecli.data.encoded import EncodedImage
from aecli.data.file_names import listed, passed_over_note
from aecli.data.formats.known import SUMMARY
from aecli.data.layouts.labels import Labels, labels_from_folders, labels_from_prefixes
from aecli.data.layouts.layout import Layout
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress


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
        note = passed_over_note(self.layout.passed_over)
        missing = _install_notes(self.layout)
        return InputError(
            f"no image file in {folder}{f'; {note}' if note else ''}",
            hint=missing[0] if missing else f"known formats: {SUMMARY}",
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
        return (*notes, *_install_notes(layout))


def _install_notes(layout: Layout) -> list[str]:
    """Return what to type to read the files whose decoders are not installed."""
    return [f"to read {one.name}: {one.install}" for one in layout.missing_formats]


def _outer_folder(name: str, top: str) -> str:
    """Return the folder of a file below `top`, or the file itself if it is in none."""
    return name[len(top) :].partition("/")[0] if name.startswith(top) else name.partition("/")[0]
