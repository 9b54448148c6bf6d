"""Images in a NumPy file, `.npz` or `.npy`."""

import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.array_images import channels_first
from aecli.data.array_keys import ArrayKeys, ArraySets, find_sets
from aecli.data.array_labels import read_labels
from aecli.data.levels import ValueRange
from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.limits import budget
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
        if not sets.splits and "codes" in keys:
            raise InputError(
                f"{self.path} holds codes, not images", hint=f"aecli decode {self.path} --model CKPT -o images.npz"
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
        """
        splits = self._sets.splits if split == "all" else {split: self._sets.splits[split]}
        arrays = self._arrays(splits, budget(options.memory_budget))
        notes: list[str] = []
        parts = []
        for keys in splits.values():
            images, part_notes = channels_first(arrays[keys.images], str(self.path))
            parts.append(images)
            notes += part_notes
        images = self._joined(parts)
        counts = {name: len(part) for name, part in zip(splits, parts, strict=True)}
        labels, class_names = self._labels(arrays, split, counts)
        names = arrays.get("names")
        if names is None or names.shape != (len(images),) or names.dtype.kind != "U":
            names = np.array([f"{name}/{index}" for name, count in counts.items() for index in range(count)])
        depth = ValueRange.of(images) if images.dtype != np.uint8 else None
        if depth is not None and not depth.is_finite:
            raise InputError(f"{self.path}: images contain NaN or infinite values")
        if depth is None and images.size <= MAX_COPIED_BYTES and 0 < images.max() <= 1:
            notes.append("the images are nearly black: their values are 0 and 1 of 255; save 0/1 images as bool")
        if self._sets.unused:
            notes.append(f"arrays that are not used: {', '.join(self._sets.unused)}")
        return ImageArrays(names, labels, class_names, images, tuple(dict.fromkeys(notes)), depth)

    def _arrays(self, splits: Mapping[str, ArrayKeys], memory_budget: int) -> dict[str, AnyArray]:
        """Return the images of the splits, and the labels of all splits: classes are numbered over all of them."""
        if self.path.suffix.lower() == ".npy":
            return {"images": _load_npy(self.path, memory_budget)}
        wanted = {"names", self._sets.class_names, *(keys.images for keys in splits.values())}
        wanted |= {keys.labels for keys in self._sets.splits.values()}
        try:
            with self.path.open("rb") as file:
                return read_npz(file, self.path, {key for key in wanted if key})
        except (ValueError, OSError) as error:
            raise _unreadable(self.path, error) from error

    def _joined(self, parts: list[AnyArray]) -> AnyArray:
        if len({part.shape[1:] for part in parts}) > 1:
            shapes = ", ".join(str(part.shape[1:]) for part in parts)
            raise InputError(
                f"{self.path}: the splits' images differ in shape: {shapes}", hint=f"name one: {self.path}:train"
            )
        if len({part.dtype for part in parts}) > 1:
            raise InputError(f"{self.path}: the splits' images differ in type", hint=f"name one: {self.path}:train")
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _labels(
        self, arrays: Mapping[str, AnyArray], split: str, counts: Mapping[str, int]
    ) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
        sets = self._sets
        labels = {name: arrays.get(keys.labels) if keys.labels else None for name, keys in sets.splits.items()}
        sizes = {name: counts.get(name, _length(array)) for name, array in labels.items()}
        class_names = arrays.get(sets.class_names) if sets.class_names else None
        named = () if class_names is None else tuple(str(name) for name in np.ravel(class_names))
        numbers, names = read_labels(list(labels.values()), list(sizes.values()), named, str(self.path))
        if numbers is None:
            return None, ()
        if split != "all":
            start = sum(size for name, size in sizes.items() if list(sizes).index(name) < list(sizes).index(split))
            numbers = numbers[start : start + sizes[split]]
        return numbers, names


def _length(labels: AnyArray | None) -> int:
    return 0 if labels is None or labels.ndim == 0 else len(labels)


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
