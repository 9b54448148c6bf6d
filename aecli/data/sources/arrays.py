"""Images in a NumPy file, `.npz` or `.npy`."""

import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.arrays.images import channels_first
from aecli.data.arrays.keys import ArrayKeys, ArraySets, find_sets
from aecli.data.arrays.labels import LabelArray, decoded_text, read_labels
from aecli.data.levels import Levels, ValueRange, sparse_note
from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.limits import budget, require_memory
from aecli.storage.npz import SUFFIX, ignore_warnings, read_npz
from aecli.storage.paths import require_file

AnyArray = NDArray[Any]
MAX_COPIED_BYTES = 256 * 2**20
"""A `.npy` of more bytes is memory-mapped instead of copied: often only some of its images are used."""


class ArrayFile(PathSource):
    """Images (N,H,W), (N,H,W,C) or (N,C,H,W) with C 1 or 3; (N,C,H,W), which aecli writes, if both of these fit.

    They are uint8, bool, or other numbers, which are read by the range of their values. An `.npz` holds them as
    `images`, `x` or `arr_0`, or as the only array beside labels, `names` (N,) and `class_names`; or in splits, as
    `x_train` and `y_train`, or `train_images` and `train_labels`.
    """

    kind = ".npz or .npy file"
    summary = (
        "images (N,H,W), (N,H,W,C) or (N,C,H,W) of any number type; labels and splits by name: "
        "x, y, x_train, y_train, train_images, train_labels"
    )
    all_splits = ("train", "val", "test")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the suffix."""
        return path.suffix.lower() in (".npz", ".npy") and not path.is_dir()

    def splits(self) -> tuple[str, ...]:
        """Return the splits whose images have an array of their own."""
        return () if "all" in self._sets.splits else tuple(self._sets.splits)

    @cached_property
    def _sets(self) -> ArraySets:
        """The arrays of images and labels, by their names; the file's content is not read.

        Raises:
            InputError: the file is damaged, or has no array of images.
        """
        require_file(self.path, "array file")
        if self.path.suffix.lower() == ".npy":
            return find_sets(["images"])
        try:
            with zipfile.ZipFile(self.path) as archive:
                keys = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
        except Exception as error:  # zipfile raises many types for damaged files
            raise _unreadable(self.path, error) from error
        if not keys:
            raise InputError(
                f"no array in {self.path}", hint="create it with numpy.savez_compressed(path, images=..., labels=...)"
            )
        sets = find_sets(keys)
        if "images" not in keys and ("meta" in keys or (not sets.splits and "codes" in keys)):
            raise InputError(
                f"{self.path} holds codes, not images", hint=f"aecli decode {self.path} --model MODEL -o images.npz"
            )
        if not sets.splits:
            raise InputError(
                f"no array called 'images' in {self.path}; it holds: {', '.join(sorted(keys))}",
                hint="save it as images=...",
            )
        return sets

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read the images of a split, or of all splits; a large `.npy` is memory-mapped.

        Raises:
            InputError: the file is damaged or holds pickled objects, or its arrays are not images and labels.
            UnavailableError: there is not enough memory.
        """
        splits = self._sets.splits if split == "all" else {split: self._sets.splits[split]}
        arrays = self._arrays(splits, options)
        notes: list[str] = []
        parts = {}
        for name, keys in splits.items():
            count = _length(arrays.get(keys.labels)) if keys.labels else None
            parts[name], part_notes = channels_first(arrays[keys.images], f"{self.path}: {keys.images}", count)
            notes += part_notes
        images = self._joined(list(parts.values()))
        counts = {name: len(part) for name, part in parts.items()}
        labels, class_names = self._labels(arrays, split, counts)
        names, unused = self._names(arrays, counts)
        if unused:
            notes.append(f"arrays that are not used: {', '.join(unused)}")
        depth = ValueRange.of(images) if images.dtype != np.uint8 else None
        if depth is not None and not depth.is_finite:
            raise InputError(f"{self.path}: the images contain NaN or infinite values", hint="replace these values")
        if depth is None:
            notes += _dark_notes(images)
        return ImageArrays(names, labels, class_names, images, tuple(dict.fromkeys(notes)), depth)

    def _arrays(self, splits: Mapping[str, ArrayKeys], options: DataOptions) -> dict[str, AnyArray]:
        """Return the images of the splits, and the labels of all splits: classes are numbered over all of them."""
        if self.path.suffix.lower() == ".npy":
            return {"images": _load_npy(self.path, budget(options.memory_budget))}
        wanted = {self._sets.names, *(keys.images for keys in splits.values())}
        if options.labels_from != "none":
            wanted |= {self._sets.class_names, *(keys.labels for keys in self._sets.splits.values())}
        try:
            with self.path.open("rb") as file:
                return read_npz(file, self.path, {key for key in wanted if key})
        except (ValueError, OSError) as error:
            raise _unreadable(self.path, error) from error

    def _joined(self, parts: list[AnyArray]) -> AnyArray:
        """Return the images of all splits as one array."""
        if len(parts) == 1:
            return parts[0]
        for what, kinds in (
            ("shape", [str(part.shape[1:]) for part in parts]),
            ("type", [part.dtype.name for part in parts]),
        ):
            if len(set(kinds)) > 1:
                first = next(iter(self._sets.splits))
                raise InputError(
                    f"{self.path}: the splits' images differ in {what}: {', '.join(kinds)}",
                    hint=f"read one split: {self.path}:{first}",
                )
        require_memory(sum(part.nbytes for part in parts), f"all splits of {self.path}", "read one split")
        return np.concatenate(parts)

    def _names(self, arrays: Mapping[str, AnyArray], counts: Mapping[str, int]) -> tuple[NDArray[np.str_], list[str]]:
        """Return the names of the images, and the names of the arrays that are not used."""
        unused = list(self._sets.unused)
        if self._sets.names:
            names = decoded_text(arrays[self._sets.names], f"{self.path}: {self._sets.names}")
            if names.dtype.kind == "U" and names.shape == (counts["all"],) and len(np.unique(names)) == len(names):
                return names, unused
            unused.append(f"{self._sets.names} (not {counts['all']:,} different texts)")
        return np.array([f"{name}/{index}" for name, count in counts.items() for index in range(count)]), unused

    def _labels(
        self, arrays: Mapping[str, AnyArray], split: str, counts: Mapping[str, int]
    ) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
        """Return the labels of a split, or of all splits, and the class names."""
        splits = []
        for name, keys in self._sets.splits.items():
            values = arrays.get(keys.labels) if keys.labels else None
            splits.append(LabelArray(keys.labels or "labels", values, counts.get(name, _length(values) or 0)))
        class_names: tuple[str, ...] = ()
        key = self._sets.class_names
        if key and key in arrays:
            names = decoded_text(arrays[key], f"{self.path}: {key}")
            class_names = tuple(str(name) for name in np.ravel(names))
        labels, class_names = read_labels(splits, class_names, str(self.path))
        if labels is None or split == "all":
            return labels, class_names
        before = list(self._sets.splits).index(split)
        start = sum(each.count for each in splits[:before])
        own = labels[start : start + splits[before].count]
        return own, class_names


def _dark_notes(images: NDArray[np.uint8]) -> list[str]:
    """Report uint8 images that are nearly black; [] for other images, and for a file that is too large to look at."""
    if images.size > MAX_COPIED_BYTES:
        return []
    values = ValueRange.of(images)
    if not values.high or not sparse_note(values, Levels(0, 255)):
        return []
    factor = int(255 / values.high)
    return [
        f"these images are nearly black: their brightest value is {values.high:g} of 255; "
        f"save them brighter: images * {factor}"
    ]


def _length(labels: AnyArray | None) -> int | None:
    """Return the number of labels; None without labels."""
    return None if labels is None or labels.ndim == 0 else len(labels)


def _load_npy(path: Path, memory_budget: int) -> AnyArray:
    try:
        with ignore_warnings():
            mapped: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises arbitrary exceptions on damaged headers
        raise _unreadable(path, error) from error
    if mapped.dtype.kind in "uif" and mapped.nbytes > min(memory_budget, MAX_COPIED_BYTES):
        return mapped
    return np.array(mapped)


def _unreadable(path: Path, error: Exception) -> InputError:
    if "pickle" in str(error) or "Python objects" in str(error):
        return InputError(
            f"pickled objects are never loaded: {path}", hint="save arrays of numbers, not of dtype=object"
        )
    return InputError(f"damaged or truncated array file: {path}", hint="create it again with numpy.savez or numpy.save")


SOURCES = (ArrayFile,)
