"""The interface that the modules in `sources/` implement, and the content that a source returns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.encoded import EncodedImage
from aecli.data.levels import DECLARED_WHITE, Levels, ValueRange, measure_levels, require_scale_of_one
from aecli.data.options import DataOptions
from aecli.data.splits import in_seeded_test
from aecli.errors import InputError
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.storage.limits import require_memory


@dataclass(frozen=True)
class SourceContent:
    """Names and labels of N images; the subclasses add the pixels or the files that hold them."""

    names: NDArray[np.str_]
    """(N,) unicode, unique."""
    labels: NDArray[np.int64] | None
    """(N,) indices into `class_names`, UNLABELED (-1) for an image without a label; None if no image has one."""
    class_names: tuple[str, ...]

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the content at `indices`, (M,) integers."""
        labels = None if self.labels is None else self.labels[indices]
        return replace(self, names=self.names[indices], labels=labels)


@dataclass(frozen=True)
class ImageArrays(SourceContent):
    """Images whose pixels are in memory or memory-mapped."""

    images: NDArray[Any]
    """(N, C, H, W), C 1 or 3: uint8 in 0..255, or numbers of another type in the range `depth`."""
    notes: tuple[str, ...] = ()
    depth: ValueRange | None = None
    """The smallest and the largest value in the file; None for uint8."""

    def levels(self, conversion: Conversion, where: str) -> Levels | None:
        """Return the values that become 0 and 255: those of the conversion, or else measured on the file.

        `declared` levels of uint16 are 0 and 65,535, as those of image files. None for uint8 images, which stay as they
        are.

        Raises:
            InputError: the values are not those of images, or integers do not fit the levels; the message names
                `where`.
        """
        if self.depth is None:
            return None
        try:
            if isinstance(conversion.levels, Levels):
                if not self.depth.is_float:  # floats may exceed white on purpose
                    require_scale_of_one(self.depth, conversion.levels)
                return conversion.levels
            if conversion.levels == "declared" and (white := DECLARED_WHITE.get(self.depth.kind)):
                return Levels(0, white)
            return measure_levels(self.depth)
        except InputError as error:
            raise InputError(f"{where}: {error.message}", hint=error.hint) from error

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the content at `indices`, (M,) integers, as a copy also of memory-mapped images.

        Raises:
            UnavailableError: there is not enough memory.
        """
        require_memory(
            len(indices) * self.images[:1].nbytes,
            f"a selection of {counted(len(indices), 'image')}",
            "select fewer, or save them as a .npy of their own, which is not copied",
        )
        return replace(super().take(indices), images=self.images[indices])


@dataclass(frozen=True)
class ImageFiles(SourceContent):
    """Image files that have not been decoded yet, on disk or in an archive."""

    files: tuple[EncodedImage, ...]
    """The file of each image."""
    masks: tuple[tuple[EncodedImage, ...], ...] | None = None
    """The files that mark the defects of each image, () for none; None if the source has no masks."""
    notes: tuple[str, ...] = ()

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the content at `indices`, (M,) integers."""
        masks = None if self.masks is None else tuple(self.masks[index] for index in indices)
        return replace(super().take(indices), files=tuple(self.files[index] for index in indices), masks=masks)


class Source(ABC):
    """A place that images come from.

    A module in `aecli/data/sources/` lists its sources in `SOURCES`: instances of `NamedSource` and subclasses of
    `PathSource`. Modules and classes must be cheap to import: `read` imports heavy packages.
    """

    summary: str
    """One line for `aecli datasets`: the content, the number of images and their size."""

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Return the names of the source's own splits; () if it has none."""

    @abstractmethod
    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays | ImageFiles:
        """Read one of `splits()`, or `all`.

        Raises:
            InputError: the data is damaged or not a set of images.
            UnavailableError: the data set or a package is not installed.
        """

    def read_unsplit(self, options: DataOptions, progress: Progress) -> ImageArrays | ImageFiles:
        """Read every image, including images outside of the splits. The default is to read `all`.

        Raises:
            InputError: the data is damaged or not a set of images.
            UnavailableError: the data set or a package is not installed.
        """
        return self.read("all", options, progress)


class NamedSource(Source):
    """A data set with a name of its own, such as `mnist`."""

    word: str

    @abstractmethod
    def needs(self, options: DataOptions) -> str | None:
        """Return one line on how to get the data set; None if it can be read now. Must not use the network."""


class PathSource(Source):
    """A kind of file or folder."""

    kind: ClassVar[str]
    """What it is called: `folder of images`."""
    all_splits: ClassVar[tuple[str, ...]] = ("train", "test")
    """Every split that a path of this kind may have."""
    sharded: ClassVar[bool] = False
    """Whether several files of this kind may be read as one set: `photos-{000..009}.tar`."""
    fallback: ClassVar[bool] = False
    """Whether `accepts` is asked only after all sources that are not fallbacks have declined."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path) -> bool:
        """Return whether the existing `path` is of this kind, without reading the file."""

    def splits(self) -> tuple[str, ...]:
        """Return no splits."""
        return ()

    @staticmethod
    def align(shards: Sequence["PathSource"]) -> None:
        """Let files of this kind that are read as one set name their images alike."""


def seeded_split(
    images: NDArray[np.uint8], labels: NDArray[np.int64], class_names: tuple[str, ...], split: str
) -> ImageArrays:
    """Return a split of a named data set that has no official one: 80% `train`, 20% `test`, stratified, fixed seed.

    `images` is (N, C, H, W) uint8, `labels` (N,). An image's name holds its split and its index among all N.
    """
    in_test = in_seeded_test(labels)
    names = np.array([f"{'test' if test else 'train'}/{index}" for index, test in enumerate(in_test)])
    content = ImageArrays(names, labels, class_names, images)
    return content if split == "all" else content.take(np.flatnonzero(in_test == (split == "test")))
