"""The image of a detection as its file holds it, and where a map of the model's input lies on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.image_files import ConvertedImage
from aecli.data.resize import inner_size
from aecli.data.shapes import FullShape, complete
from aecli.detection.overhang import NO_OVERHANG, Overhang

Reread: TypeAlias = Callable[[Conversion], ConvertedImage]
Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class OriginalImage:
    """An image of any size that was converted for a model."""

    shape: FullShape
    """Its own (C, H, W), upright."""
    conversion: Conversion
    """How it became the model's input."""
    reread: Reread | None = None
    """Reads it once more, in another shape; None if it can be read only once."""

    @property
    def size(self) -> Size:
        """(H, W)."""
        return self.shape[1:]

    def pixels(self, size: Size) -> NDArray[np.uint8] | None:
        """Return the whole image in its own colors at another size, (C, *size); None if it cannot be read again.

        Raises:
            InputError: the file was changed or removed, and cannot be read anymore.
        """
        if self.reread is None:
            return None
        return self.reread(replace(self.conversion, shape=(self.shape[0], *size), resize="stretch")).pixels

    def place(
        self, score_map: NDArray[np.float32], size: Size, overhang: Overhang = NO_OVERHANG, *, smooth: bool = False
    ) -> NDArray[np.float32]:
        """Return a map of the model's input as a map of the whole image at `size`, by linear interpolation.

        What the model did not see, because the image was cropped, is NaN.

        Args:
            score_map: (h, w), which covers the model's input.
            size: The size of the result.
            overhang: How far the map extends beyond the model's input.
            smooth: Whether to interpolate by cubic functions, for pictures. No value exceeds the largest one of the
                map.
        """
        covered, part = self._geometry((score_map.shape[0] - overhang[0], score_map.shape[1] - overhang[1]), size)
        top, left, bottom, right = covered
        resized = _interpolated(score_map, (bottom - top, right - left), part, smooth=smooth)
        if resized.shape == size:
            return resized
        placed = np.full(size, np.nan, np.float32)
        placed[top:bottom, left:right] = resized
        return placed

    def _geometry(
        self, map_size: tuple[float, float], size: Size
    ) -> tuple[tuple[int, int, int, int], tuple[float, float, float, float]]:
        """Return the part of the result that the map covers, and the part of the map that lies on the image.

        The first one is (top, left, bottom, right) in pixels of the result, the second one (left, top, right, bottom)
        in positions of the map, of which `map_size` cover the model's input. The conversion crops and pads around the
        center: see `aecli.data.resize.resized`.
        """
        height, width = map_size
        whole: tuple[float, float, float, float] = (0, 0, width, height)
        _, *target = complete(self.conversion.shape, self.shape)
        scales = [new / own for new, own in zip(target, self.size, strict=True)]
        if self.conversion.resize == "crop":
            seen = [new / (max(scales) * own) for new, own in zip(target, self.size, strict=True)]
            rows, columns = (_centered(side, part) for side, part in zip(size, seen, strict=True))
            return (rows[0], columns[0], rows[1], columns[1]), whole
        if self.conversion.resize == "pad":
            inner = inner_size(self.size, (target[0], target[1]))
            starts = [(new - part) // 2 for new, part in zip(target, inner, strict=True)]
            (top, bottom), (left, right) = (
                (start * positions / new, (start + part) * positions / new)
                for start, part, new, positions in zip(starts, inner, target, map_size, strict=True)
            )
            return (0, 0, *size), (left, top, right, bottom)
        return (0, 0, *size), whole


def _centered(side: int, part: float) -> tuple[int, int]:
    """Return the start and the end of a part in 0..1 of a side, in its center; at least one pixel."""
    length = min(side, max(1, round(side * part)))
    start = (side - length) // 2
    return start, start + length


def _interpolated(
    score_map: NDArray[np.float32], size: Size, box: tuple[float, float, float, float], *, smooth: bool
) -> NDArray[np.float32]:
    from PIL import Image

    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    image = Image.fromarray(np.ascontiguousarray(score_map, np.float32))
    values: NDArray[np.float32] = np.array(image.resize((size[1], size[0]), method, box=box))
    return np.clip(values, score_map.min(), score_map.max(), out=values)
