"""What a file in `sources/` implements, and what it hands over."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import DataOptions
from aecli.data.splits import in_seeded_test
from aecli.runtime.progress import Progress


@dataclass(frozen=True)
class Content:
    """What is known of N images beside their pixels."""

    names: NDArray[np.str_]
    """(N,) unicode, unique."""
    labels: NDArray[np.int64] | None
    """(N,) indices into `class_names`, -1 where an image has none; None where none has."""
    class_names: tuple[str, ...]

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the part at `indices`, (M,) integers."""
        labels = None if self.labels is None else self.labels[indices]
        return replace(self, names=self.names[indices], labels=labels)


@dataclass(frozen=True)
class Arrays(Content):
    """Images that were read."""

    images: NDArray[np.uint8]
    """(N, C, H, W) uint8 in 0..255, C 1 or 3."""
    notes: tuple[str, ...] = ()

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the part at `indices`, (M,) integers."""
        return replace(super().take(indices), images=self.images[indices])


@dataclass(frozen=True)
class Pictures(Content):
    """Image files that are still to be decoded: `root / name` for each name."""

    root: Path
    notes: tuple[str, ...] = ()


class Source(ABC):
    """Where images come from.

    A module in `aecli/data/sources/` lists what it offers in `SOURCES`: instances of `NamedSource`, classes
    derived from `PathSource`. Modules and classes must be cheap to import: heavy packages are imported in `read`.
    """

    summary: str
    """What it is, how many images of what size: one line for `aecli datasets`."""

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """The source's own splits; () where it has none."""

    @abstractmethod
    def read(self, split: str, options: DataOptions, progress: Progress) -> Arrays | Pictures:
        """Read one of `splits()`, or `all`.

        Raises:
            InputError: what is there is damaged or does not fit.
            UnavailableError: something is not here.
        """


class NamedSource(Source):
    """A data set that is known by its name."""

    word: str

    @abstractmethod
    def needs(self, options: DataOptions) -> str | None:
        """How to get it, one line; None where it can be read here and now. Quick, without the network."""


class PathSource(Source):
    """A file or folder that a person names."""

    kind: ClassVar[str]
    """What it is called: `folder of images`."""
    all_splits: ClassVar[tuple[str, ...]] = ("train", "test")
    """Every split that such a path may offer."""
    fallback: ClassVar[bool] = False
    """Whether it takes what no other source accepts."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path) -> bool:
        """Tell whether the existing `path` is such a source, without reading it."""

    def splits(self) -> tuple[str, ...]:
        """No splits of its own."""
        return ()


def seeded_split(
    images: NDArray[np.uint8], labels: NDArray[np.int64], class_names: tuple[str, ...], split: str
) -> Arrays:
    """Give a named set without splits its own: 80 % `train`, 20 % `test`, stratified, the same for ever.

    `images` is (N, C, H, W) uint8, `labels` (N,). An image's name tells its split and its index among all N.
    """
    in_test = in_seeded_test(labels)
    names = np.array([f"{'test' if test else 'train'}/{index}" for index, test in enumerate(in_test)])
    content = Arrays(names, labels, class_names, images)
    return content if split == "all" else content.take(np.flatnonzero(in_test == (split == "test")))
