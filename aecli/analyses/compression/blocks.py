"""Images in blocks of equal size, so that a set that does not fit into memory can be compressed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.uint8]
"""(B, C, H, W) uint8: at least one image."""

MAX_IMAGES, MAX_VALUES = 1024, 1 << 22
"""The most images, and values of them, in a block; one image may have more values."""


@dataclass(frozen=True)
class ImageBlocks:
    """A set of images, each of which is read when it is needed."""

    count: int
    channels: int
    """1 if gray, 3 in color."""
    read: Callable[[], Iterator[Block]]
    """Reads all images again, in order."""
    array: NDArray[np.uint8] | None = None
    """(N, C, H, W): all images, if they have one size and are in memory."""

    @classmethod
    def of(cls, images: NDArray[np.uint8]) -> "ImageBlocks":
        """Return the blocks of (N, C, H, W) images."""
        size = max(1, min(MAX_IMAGES, MAX_VALUES // max(1, images[:1].size)))

        def read() -> Iterator[Block]:
            for start in range(0, len(images), size):
                yield np.ascontiguousarray(images[start : start + size])

        return cls(len(images), images.shape[1], read, images)


def grouped(images: Iterable[NDArray[np.uint8]]) -> Iterator[Block]:
    """Yield (C, H, W) images as blocks, each of successive images of the same shape."""
    block: list[NDArray[np.uint8]] = []
    for image in images:
        is_full = len(block) == MAX_IMAGES or (len(block) + 1) * image.size > MAX_VALUES
        if block and (is_full or block[0].shape != image.shape):
            yield np.stack(block)
            block = []
        block.append(image)
    if block:
        yield np.stack(block)
