"""The levels of images of more than 8 bits: which values are black and white."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.runtime.counting import counted
from aecli.storage.limits import require_memory

BITS = (8, 10, 12, 14, *range(16, 33))
"""The depths of cameras and detectors, and of sums of their images; the smallest one that holds a set is chosen."""
OVERSHOOT = 0.1
"""Floats may exceed 0..1 and -1..1 by this much, as interpolated images do; the excess is clipped."""
DECLARED_WHITE = {"uint16": 65535}
"""The value that is white by the type of an array, by the name of the type; other types do not declare one."""
CHUNK = 1 << 20
"""Values that are converted at once."""
SPARSE = 1 / 8
"""Images that use a smaller part of the range from black to white are reported."""


@dataclass(frozen=True)
class Levels:
    """The values that become 0 and 255; values beyond them are clipped."""

    black: float
    white: float


@dataclass(frozen=True)
class ValueRange:
    """The smallest and the largest value of images."""

    low: float
    high: float
    kind: str
    """The numpy type of the values, such as `uint16`."""
    levels: Levels | None = None
    """Those of the images themselves, which their files or types declare, or which were measured on their array.

    None if they are unknown, or differ.
    """

    @classmethod
    def of(cls, values: NDArray[Any], levels: Levels | None = None) -> "ValueRange":
        """Return the range of an array that is not empty."""
        return cls(float(values.min()), float(values.max()), values.dtype.name, levels)

    @property
    def is_float(self) -> bool:
        """Whether the values are floating point numbers."""
        return self.kind.startswith("float")

    @property
    def is_finite(self) -> bool:
        """Whether no value is infinite or NaN."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def merge(self, other: "ValueRange") -> "ValueRange":
        """Return the range of both."""
        kind = self.kind if self.kind == other.kind or self.is_float else other.kind
        levels = self.levels if self.levels == other.levels else None
        return ValueRange(min(self.low, other.low), max(self.high, other.high), kind, levels)


def measure_levels(values: ValueRange) -> Levels:
    """Choose levels that hold all values.

    Numbers in 0..1 and floats in -1..1 are taken as such. Otherwise black is 0, and white the largest number of 8, 10,
    12, 14, 16 or more bits, the fewest that hold all values.

    Raises:
        InputError: a value is not finite, or negative and not in -1..1.
    """
    low, high = values.low, values.high
    if not values.is_finite:
        raise InputError("the images contain NaN or infinite values", hint="replace them by finite numbers")
    if values.is_float and high <= 1 + OVERSHOOT:
        if low >= -OVERSHOOT * high:
            return Levels(0, 1)
        if low >= -1 - OVERSHOOT:
            return Levels(-1, 1)
    if low < 0 or high >= 2 ** BITS[-1]:
        own = f", or train with --set model.black={low:.6g} --set model.white={high:.6g}" if low < high else ""
        raise InputError(
            f"the black and white levels of {values.kind} values from {low:,.6g} to {high:,.6g} are unknown",
            hint=f"scale them to 0..1{own}",
        )
    if high <= 1:
        return Levels(0, 1)
    return Levels(0, next(2**bits - 1 for bits in BITS if high < 2**bits))


def require_scale_of_one(values: ValueRange, levels: Levels) -> None:
    """Check that images are not scaled otherwise than those of a model for which 1 is white: nearly all would be white.

    Raises:
        InputError: 1 is white, and there are larger values.
    """
    if levels.white == 1 and values.high > 1 + OVERSHOOT:
        raise InputError(
            f"values up to {values.high:,.6g} do not fit a model for which 1 is white",
            hint="divide them by their white level, such as 255 or 65535",
        )


def to_8_bits(values: NDArray[Any], levels: Levels) -> NDArray[np.uint8]:
    """Scale numbers of any type linearly, so that the levels become 0 and 255; rounded and clipped.

    The result has the shape of `values`. Chunks are converted one after the other: there is no second array of floats
    of the full size.

    Raises:
        UnavailableError: there is not enough memory for the result.
    """
    if values.size > CHUNK:
        require_memory(values.size, f"{values.size:,} pixel values", "select fewer images, such as one split or class")
    scaled = np.empty(values.shape, np.uint8)
    _scale(values, levels, scaled)
    return scaled


def _scale(values: NDArray[Any], levels: Levels, scaled: NDArray[np.uint8]) -> None:
    if values.ndim > 1 and values[:1].size > CHUNK:
        for part, scaled_part in zip(values, scaled, strict=True):
            _scale(part, levels, scaled_part)
        return
    rows = max(1, CHUNK // max(1, values[:1].size))
    for start in range(0, len(values), rows):
        chunk = values[start : start + rows].astype(np.float64)
        chunk -= levels.black
        chunk *= 255
        chunk /= levels.white - levels.black
        scaled[start : start + rows] = np.rint(np.clip(chunk, 0, 255, out=chunk), out=chunk)


class DepthSummary:
    """Collects the value ranges of deep images for the notes on them."""

    def __init__(self) -> None:
        self.count = 0
        self._values: ValueRange | None = None

    def add(self, values: ValueRange | None, count: int = 1) -> None:
        """Add the range of `count` images; None for images of 8 bits."""
        if values is not None:
            self.count += count
            self._values = self._values.merge(values) if self._values else values

    def notes(self, levels: Levels | str) -> tuple[str, ...]:
        """Describe the images and their levels, and report images that are nearly black; () without deep images.

        `levels` are those of all images, or a word, such as `declared`, if each has its own.
        """
        values = self._values
        if values is None:
            return ()
        note = f"{counted(self.count, 'image')} with {values.kind} values {values.low:,.6g} to {values.high:,.6g}: "
        used = levels if isinstance(levels, Levels) else values.levels
        if used is None:
            return (f"{note}each declares which value is white",)
        note += f"{used.black:,.6g} is black, {used.white:,.6g} is white"
        if values.low < used.black or values.high > used.white:
            note += ", and values beyond them are clipped"
        dark = sparse_note(values, used)
        return (note, dark) if dark else (note,)


def sparse_note(values: ValueRange, levels: Levels) -> str | None:
    """Report images that use only a small part of the range from black to white; None if they use enough of it."""
    if not _is_sparse(values.high, levels):
        return None
    note = f"these images are nearly black: their brightest value is {values.high:,.6g} of {levels.white:,.6g}"
    if values.high <= 0 or levels.black:
        return note
    common = (1, *(2**bits - 1 for bits in BITS))
    fitting = (white for white in common if white >= values.high and not _is_sparse(values.high, Levels(0, white)))
    own = ceil(values.high) if values.high > 1 else values.high
    return f"{note}; train with --set model.white={next(fitting, own):.10g}"


def _is_sparse(high: float, levels: Levels) -> bool:
    return high - levels.black < SPARSE * (levels.white - levels.black)
