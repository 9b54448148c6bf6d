"""Divide images into tiles of one size that may overlap, in rows and columns."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int]
"""(top, left) of a tile in pixels of its image."""
SUFFIX = "#tile"
MAX_TILES = 1_000_000
"""The most tiles of one image."""


@dataclass(frozen=True)
class Tiling:
    """Square tiles, and how much neighbors overlap, in pixels of the image.

    Raises:
        ValueError: tiles without pixels, or that overlap completely.
    """

    size: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.size:
            raise ValueError(f"tiles of {self.size} pixels cannot overlap by {self.overlap} pixels")

    def __str__(self) -> str:
        return f"{self.size}x{self.size} pixels that overlap by {self.overlap}"

    def corners(self, height: int, width: int) -> list[Corner]:
        """Return the corner of each tile of an image, row by row.

        All tiles are whole: the last row and the last column are shifted inward. An image that is smaller than a tile
        has a single row or column.
        """
        return _corners(self, height, width)

    def refusal(self, height: int, width: int) -> str | None:
        """Return why an image is not cut into tiles: there would be too many; None if it can be cut."""
        count = self.count(height, width)
        return f"it would be cut into {count:,} tiles, more than {MAX_TILES:,}" if count > MAX_TILES else None

    def count(self, height: int, width: int) -> int:
        """Return the number of tiles of an image."""
        return len(self.starts(height)) * len(self.starts(width))

    def starts(self, side: int) -> list[int]:
        """Return the first pixel of each tile along a side of an image."""
        last = max(side - self.size, 0)
        return [*range(0, last, self.size - self.overlap), last]


@lru_cache(maxsize=16)
def _corners(tiling: Tiling, height: int, width: int) -> list[Corner]:
    return [(top, left) for top in tiling.starts(height) for left in tiling.starts(width)]


@dataclass(frozen=True)
class TiledSet:
    """The images that N tiles were cut from."""

    tiling: Tiling
    sizes: NDArray[np.int64]
    """(M, 2) height and width of each image, in pixels."""
    image_of: NDArray[np.int64]
    """(N,) index of the image of each tile."""
    number: NDArray[np.int64]
    """(N,) index of each tile among those of its image."""

    @classmethod
    def of(cls, tiling: Tiling, sizes: NDArray[np.int64]) -> "TiledSet":
        """Return all tiles of images with the given sizes, (M, 2)."""
        counts = [tiling.count(height, width) for height, width in sizes.tolist()]
        number = np.concatenate([np.zeros(0, np.int64), *map(np.arange, counts)]).astype(np.int64)
        return cls(tiling, sizes, np.repeat(np.arange(len(sizes)), counts), number)

    def __len__(self) -> int:
        return len(self.image_of)

    @property
    def images(self) -> NDArray[np.int64]:
        """The sorted indices of the images that have a tile, (K,)."""
        return np.unique(self.image_of)

    def largest(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the largest value among the tiles of each of `images`, (K,), given one for each tile, (N,)."""
        images, place = np.unique(self.image_of, return_inverse=True)
        largest = np.full(len(images), -np.inf, np.float32)
        np.maximum.at(largest, place, values)
        return largest

    def corner(self, index: int) -> Corner:
        """Return the corner of a tile in its image."""
        height, width = self.sizes[self.image_of[index]].tolist()
        return self.tiling.corners(height, width)[int(self.number[index])]

    def take(self, indices: NDArray[np.int64]) -> "TiledSet":
        """Return the tiles at `indices`, (K,) integers."""
        return replace(self, image_of=self.image_of[indices], number=self.number[indices])


def tile_names(names: NDArray[np.str_], number: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return names of tiles, (N,), such as `a.png#tile3`, from those of their images and their numbers from 0."""
    return np.array([f"{name}{SUFFIX}{index + 1}" for name, index in zip(names.tolist(), number.tolist(), strict=True)])


def image_name(name: str) -> str:
    """Return the name of the image that a tile was cut from."""
    image, suffix, number = name.rpartition(SUFFIX)
    return image if suffix and number.isdecimal() else name
