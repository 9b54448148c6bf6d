"""Images in memory with their names and labels: the result of loading a DATA word."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aecli.data.levels import Levels
from aecli.data.masks import ImageMasks
from aecli.data.shapes import FullShape
from aecli.data.tiling import TiledSet, image_name
from aecli.storage.fingerprints import fingerprint


@dataclass(frozen=True)
class Failure:
    """An image that could not be read."""

    name: str
    reason: str

    @property
    def warning(self) -> str:
        """The warning for the user."""
        return f"left out: {self.name}: {self.reason}"


@dataclass(frozen=True)
class ImageSet:
    """Images with names and labels, in a stable order."""

    images: NDArray[np.uint8]
    """(N, C, H, W) uint8 in 0..255; a read-only memory map if the set is larger than the memory budget."""
    names: NDArray[np.str_]
    """(N,) unicode: the path relative to the folder, or split/index."""
    word: str
    """The DATA word of the images, with the split: `mnist5k:train`."""
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `class_names`, UNLABELED (-1) for an image without a label; None if no image has a label."""
    class_names: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Images that were skipped because they could not be read."""
    notes: tuple[str, ...] = ()
    """Notes for the user, such as on images that were resized or converted."""
    warnings: tuple[str, ...] = ()
    """Warnings for the user: the images are probably not what the model needs."""
    native_shape: FullShape | None = None
    """The images' own shape before conversion: the most frequent C, the medians of H and W; None if it is unknown."""
    levels: Levels | None = None
    """The values of images of more than 8 bits that became 0 and 255; None if there are no such images, or each type
    declares its own."""
    masks: tuple[ImageMasks, ...] | None = None
    """The masks that mark the defects of each image; None if the source has no masks."""
    known_fingerprint: str | None = field(default=None, repr=False, compare=False)
    """The fingerprint, if it was computed during loading."""
    tiles: TiledSet | None = None
    """The images that these are tiles of; None for whole images."""
    inner: NDArray[np.int64] | None = None
    """(N, 2): the height and width of the part in the middle of each image that is not padding; None if there is no
    padding, or it is unknown."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def image_count(self) -> int:
        """The number of images, even if these are tiles of them."""
        return len(self) if self.tiles is None else len(self.tiles.images)

    @property
    def image_names(self) -> list[str]:
        """The name of each image; of a tile, that of the image that it was cut from."""
        names: list[str] = self.names.tolist()
        return names if self.tiles is None else list(map(image_name, names))

    def inner_size(self, index: int) -> tuple[int, int] | None:
        """Return the (H, W) of the part in the middle of an image that is not padding; None for all of it."""
        if self.inner is None:
            return None
        height, width = self.inner[index].tolist()
        return height, width

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the pixels, their shape and the labels; independent of the machine."""
        if self.known_fingerprint:
            return self.known_fingerprint
        return image_fingerprint(self.images, self.labels)

    def take(self, indices: NDArray[np.int64]) -> "ImageSet":
        """Return a copy of the images at `indices`, (M,) integers, in that order."""
        return replace(
            self,
            images=self.images[indices],
            names=self.names[indices],
            labels=None if self.labels is None else self.labels[indices],
            masks=None if self.masks is None else tuple(self.masks[index] for index in indices),
            tiles=None if self.tiles is None else self.tiles.take(indices),
            known_fingerprint=None,
            inner=None if self.inner is None else self.inner[indices],
        )


def image_fingerprint(images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> str:
    """Return the SHA-256 of the pixels, shape and labels of (N, C, H, W) uint8 images and (N,) int64 labels."""
    pixels = hashlib.sha256()
    for start in range(0, len(images), 4096):
        pixels.update(np.ascontiguousarray(images[start : start + 4096]).data.cast("B"))
    return fingerprint_of(pixels.digest(), images.shape, labels)


def fingerprint_of(pixel_digest: bytes, shape: tuple[int, ...], labels: NDArray[np.int64] | None) -> str:
    """Return the image fingerprint, given the SHA-256 digest of all pixels in order and the images' (N, C, H, W)."""
    parts = [pixel_digest, repr(tuple(map(int, shape))).encode()]
    if labels is not None:
        parts.append(np.asarray(labels, dtype="<i8").tobytes())
    return fingerprint(parts)
