"""Decoded images of more than 8 bits per value, whose levels are chosen later."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from aecli.data.formats.color_profiles import KEY, ProfileUse, to_srgb, use_of
from aecli.data.levels import Levels, ValueRange, measure_levels, require_scale_of_one, to_8_bits
from aecli.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = 65535
"""The declared white of integers, also if they are stored in 32 bits."""


class UnsupportedValuesError(Exception):
    """The values of an image cannot be converted to 8 bits."""

    def __init__(self, reason: str, hint: str | None = None):
        super().__init__(reason)
        self.hint = hint or "save it with 8 or 16 bits"


@dataclass(frozen=True)
class DeepImage:
    """An image with numbers of any type."""

    values: NDArray[Any]
    """(H, W) or (H, W, 3)."""
    alpha: NDArray[np.uint8] | None = None
    """(H, W) opacity in 0..255; None for an opaque image."""
    is_negative: bool = False
    """Whether the smallest value is white."""
    white: float | None = None
    """The white level that the file declares; None for the usual one of its type."""
    profile: bytes | None = None
    """The ICC profile, which applies to the values between the levels."""

    @cached_property
    def depth(self) -> ValueRange:
        """The smallest and the largest value; integers that are transparent do not count, unless all are.

        Raises:
            UnsupportedValuesError: a value is not finite.
        """
        shown = self.values[self.alpha > 0] if self.alpha is not None and self.values.dtype.kind != "f" else self.values
        depth = ValueRange.of(shown if shown.size else self.values, Levels(0, self._declared_white))
        if not (np.isfinite(depth.low) and np.isfinite(depth.high)):
            raise UnsupportedValuesError("it contains NaN or infinite values", "replace them by finite numbers")
        return depth

    @property
    def _declared_white(self) -> float:
        """The white level of the file, or of the type of its numbers."""
        return self.white or (1 if self.values.dtype.kind == "f" else 127 if self.values.dtype == np.int8 else WHITE)

    @property
    def profile_use(self) -> ProfileUse | None:
        """Whether the profile is applied, or cannot be; None without one, and for sRGB."""
        return use_of(self.profile, "L" if self.values.ndim == 2 else "RGB")

    def declared_levels(self) -> Levels:
        """Return the levels of the image's type: floats are in 0..1, and integers have 16 bits.

        Raises:
            UnsupportedValuesError: the values do not fit.
        """
        white = self._declared_white
        if not (self.depth.low >= 0 and self.depth.high <= white):
            raise UnsupportedValuesError(
                f"its values, {self.depth.low:,.6g} to {self.depth.high:,.6g}, do not fit 0 to {white:,}, "
                f"which {'floats' if white == 1 else '16 bits' if white == WHITE else 'its type'} have"
            )
        return Levels(0, white)

    def own_levels(self, kind: Literal["measured", "declared"]) -> Levels:
        """Return the levels of this image alone: those that hold its values, or those of its type.

        Raises:
            UnsupportedValuesError: the values do not fit the declared levels, or are not those of images.
        """
        if kind == "declared" or self.white is not None:
            return self.declared_levels()
        try:
            return measure_levels(self.depth)
        except InputError as error:
            raise UnsupportedValuesError(error.message, error.hint) from error

    def to_pillow(self, levels: Levels) -> "Image":
        """Convert to mode L or RGB of sRGB; the levels become 0 and 255, and transparency is composited on white.

        Raises:
            UnsupportedValuesError: the values are integers that do not fit the levels.
        """
        from PIL import Image

        if not self.depth.is_float:  # floats may exceed white on purpose
            try:
                require_scale_of_one(self.depth, levels)
            except InputError as error:
                raise UnsupportedValuesError(error.message, error.hint) from error
        pixels = to_8_bits(self.values, levels)
        if self.is_negative:
            np.subtract(255, pixels, out=pixels)
        image = Image.fromarray(pixels)
        del pixels  # a large image would be in memory three times
        image.info[KEY] = self.profile
        image = to_srgb(image)
        if self.alpha is not None:
            white = Image.new(image.mode, image.size, "white")
            image = Image.composite(image, white, Image.fromarray(self.alpha))
        return image
