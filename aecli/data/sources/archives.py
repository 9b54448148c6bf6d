"""Archives of image files, in any layout of folders or with labels beside the images."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from aecli.data.archives.archive import Archive, ArchivedImage, DamagedMemberError
from aecli.data.archives.tar_archive import TarArchive
from aecli.data.archives.zip_archive import ZipArchive
from aecli.data.class_numbers import number_labels
from aecli.data.file_names import is_visible, suffix_of
from aecli.data.formats.known import SUFFIXES
from aecli.data.layouts.layout import MISSING_FORMATS
from aecli.data.layouts.source import LayoutSource
from aecli.data.layouts.split_names import split_of
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.labels import UNLABELED

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNREAD_SUFFIXES = (".7z", ".rar", ".tar.zst", ".tzst", ".tar.lz", ".tar.z")
LABEL_SUFFIXES = (".cls", ".json")
IMAGE_SUFFIXES = SUFFIXES.union(MISSING_FORMATS)
"""Suffixes of the files that tell which folder the images are in, whether their decoders are installed or not."""
LABEL_KEYS = ("label", "class", "cls", "target")
MAX_LABEL_BYTES = 1 << 20
"""A larger `.json` file holds other things than a label, such as outlines of objects, or the image itself."""


class ArchiveFile(LayoutSource):
    """Image files in an archive, read without unpacking.

    The images may lie in the folders of one top folder, such as `photos/`, which is left out of their names; files of
    other kinds may lie beside it. As in WebDataset, `1.cls` or `1.json` beside `1.jpg` holds its label.
    """

    kind = ".zip, .tar or .tar.gz file"
    summary = "images in any layout of a folder, read without unpacking; WebDataset's labels in .cls or .json files"
    sharded = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the suffix."""
        name = path.name.lower()
        return name.endswith((".zip", *TAR_SUFFIXES, *UNREAD_SUFFIXES)) and not path.is_dir()

    @cached_property
    def _archive(self) -> Archive:
        """The opened archive.

        Raises:
            InputError: it is damaged, or of a kind that is not read.
            UnavailableError: it is compressed, and there is no space to decompress it.
        """
        if self.path.name.lower().endswith(UNREAD_SUFFIXES):
            suffix = next(each for each in UNREAD_SUFFIXES if self.path.name.lower().endswith(each))
            raise InputError(f"{suffix} archives are not read: {self.path}", hint="pack the images as .zip or .tar.gz")
        return ZipArchive(self.path) if self.path.suffix.lower() == ".zip" else TarArchive(self.path)

    @cached_property
    def top_folder(self) -> str:
        """The folder that holds all images, with a `/`; "" if there is none, or if it holds a split."""
        names = [name for name in self._visible_names if suffix_of(name) in IMAGE_SUFFIXES] or self._visible_names
        tops = {name.partition("/")[0] for name in names if "/" in name}
        top = next(iter(tops)) if len(tops) == 1 else ""
        is_outer = top and all("/" in name for name in names) and not split_of(top)
        return f"{top}/" if is_outer else ""

    @staticmethod
    def align(shards: Sequence[PathSource]) -> None:
        """Keep the only folder of a file as that of a class, if others have other folders, unless it is their name."""
        archives = [shard for shard in shards if isinstance(shard, ArchiveFile)]
        if len({archive.top_folder for archive in archives}) > 1:
            for archive in archives:
                if archive.top_folder != f"{archive.path.name.partition('.')[0]}/":
                    archive.top_folder = ""

    @cached_property
    def _visible_names(self) -> list[str]:
        return [name for name in self._archive.names() if name and all(map(is_visible, name.split("/")))]

    @cached_property
    def _label_files(self) -> Mapping[str, str]:
        """The `.cls` or `.json` file of each image, by the names without the top folder."""
        names = self._inner_names
        label_files: dict[str, str] = {}
        for suffix in reversed(LABEL_SUFFIXES):  # .cls takes precedence
            label_files |= {name[: -len(suffix)]: name for name in names if name.lower().endswith(suffix)}
        images = [name for name in names if not name.lower().endswith(LABEL_SUFFIXES)] if label_files else []
        found = {name: next(filter(None, map(label_files.get, _label_stems(name))), None) for name in images}
        return {name: label for name, label in found.items() if label is not None}

    @cached_property
    def _labels(self) -> tuple[Mapping[str, int], tuple[str, ...]]:
        """The label of each image that has a file for it, and the names of the classes; empty if no file holds one.

        Classes are numbered over all splits, so that a label means the same in each.

        Raises:
            InputError: a label cannot be read.
        """
        label_of = {name: self._label(file) for name, file in self._label_files.items()}
        labels, class_names = number_labels(list(label_of.values()))
        if labels is None:  # the .json files describe the images, but hold no labels
            return {}, ()
        return dict(zip(label_of, labels.tolist(), strict=True)), class_names

    @cached_property
    def _inner_names(self) -> list[str]:
        """The names of the files in the top folder, without it."""
        top = self.top_folder
        return [name.removeprefix(top) for name in self._visible_names if name.startswith(top)]

    def _list_files(self) -> Iterable[str]:
        labels, top = set(self._label_files.values()), self.top_folder
        # Files beside the top folder are passed over: their folders say nothing about the images.
        beside = [name.rpartition("/")[2] for name in self._visible_names if not name.startswith(top)]
        return [name for name in self._inner_names if name not in labels] + beside

    def _file(self, name: str) -> ArchivedImage:
        return ArchivedImage(self._archive, f"{self.top_folder}{name}", name)

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """List the files of a split. Labels in `.cls` or `.json` files take precedence over those of folders.

        Raises:
            InputError: there is no image file, or a label cannot be read.
        """
        if options.labels_from != "none" and self._labels[0]:
            content = super().read(split, replace(options, labels_from="none"), progress)
            if (labeled := self._with_labels(content)) is not None:
                return labeled
        return super().read(split, options, progress)

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageFiles:
        """List all files, with the labels in `.cls` or `.json` files, as the names do not tell these.

        Raises:
            InputError: there is no image file, or a label cannot be read.
        """
        content = super().read_unsplit(options, progress)
        labeled = self._with_labels(content) if options.labels_from != "none" else None
        return content if labeled is None else labeled

    def _with_labels(self, content: ImageFiles) -> ImageFiles | None:
        """Return the images with the labels in their files; None if none of them has such a file."""
        numbers, class_names = self._labels
        names = content.names.tolist()
        if not any(name in numbers for name in names):
            return None
        labels = np.array([numbers.get(name, UNLABELED) for name in names], np.int64)
        return replace(content, labels=labels, class_names=class_names)

    def _label(self, name: str) -> str:
        """Return the class in a `.cls` or `.json` file; "" if it has none.

        Raises:
            InputError: the file cannot be read.
        """
        where = f"{self.path}:{self.top_folder}{name}"
        try:
            content = self._archive.read(f"{self.top_folder}{name}")
        except DamagedMemberError as error:
            raise InputError(f"cannot read the label {where}: {error.reason}") from error
        is_json = name.lower().endswith(".json")
        if is_json and len(content) > MAX_LABEL_BYTES:
            return ""
        try:
            if len(content) > MAX_LABEL_BYTES:
                raise ValueError("too long")
            text = content.decode("utf-8-sig").strip()
            value = json.loads(text) if is_json else text
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"damaged label: {where}",
                hint="a .cls file holds a class, a .json file an object; --labels-from none ignores them",
            ) from error
        if isinstance(value, dict):
            value = next((value[key] for key in LABEL_KEYS if key in value), "")
        return "" if value is None or isinstance(value, dict | list) else str(value)


def _label_stems(name: str) -> tuple[str, str, str]:
    """Return what the name of an image's label may be before its suffix: `1`, `1.jpg`, or up to the first dot."""
    head, slash, file = name.rpartition("/")
    return name.rpartition(".")[0], name, f"{head}{slash}{file.partition('.')[0]}"


SOURCES = (ArchiveFile,)
