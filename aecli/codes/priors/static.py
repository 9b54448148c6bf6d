"""A prior with a table for each channel, or for each unit of codes of one size, and each rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.stream import Reader, Writer
from aecli.codes.priors.tables import SYMBOLS, Tables, make_tables

BITS = 16
PSEUDO_COUNT = 0.05
"""Added to the count of each number between the smallest and the largest one that occurred, and one beyond."""
REACH = SYMBOLS // 2 - 2
"""Numbers farther from the median than this have the escape symbol."""
MOST_MIDDLE = 1 << 19
"""The largest middle of a table: its first number must be less than 2^20."""


@dataclass(frozen=True)
class StaticPrior:
    """Independent numbers."""

    rates: int
    units: int
    """Tables of each rate."""
    tables: Tables
    """(rates * units,)"""

    def fits(self, rates: int, code_shape: Sequence[int]) -> bool:
        """Return whether this is a prior of codes of this shape at so many rates."""
        return self.rates == rates and self.units in {code_shape[0], prod(code_shape)}

    def encode(self, codes: NDArray[np.int32], rate: int) -> NDArray[np.uint32]:
        """Return the words of codes, (N, C, ...): one stream."""
        values = np.moveaxis(codes.reshape(len(codes), self.units, -1), 1, 0).reshape(self.units, -1)
        writer = Writer(self.tables)
        for unit in reversed(range(self.units)):
            writer.add(values[unit], np.full(values.shape[1], rate * self.units + unit))
        return writer.words()

    def decode(self, words: NDArray[np.uint32], shape: Sequence[int], rate: int) -> NDArray[np.int32]:
        """Return the codes of a stream, of shape (N, C, ...).

        Raises:
            ValueError: the stream is damaged.
        """
        each = prod(shape) // self.units
        reader, only = Reader([words], self.tables), np.zeros(each, np.intp)
        rows = [reader.read(np.full(each, rate * self.units + unit), only) for unit in range(self.units)]
        reader.finish()
        codes = np.moveaxis(np.stack(rows).reshape(self.units, shape[0], -1), 0, 1).reshape(shape)
        return codes.astype(np.int32)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `from_arrays` takes."""
        shape = np.array([self.rates, self.units], np.int64)
        counts = self.tables.counts.astype("<u4").astype(np.uint16)  # 2^16 cannot occur: each table has two symbols
        return {"shape": shape, "low": self.tables.low, "sizes": self.tables.sizes, "counts": counts}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "StaticPrior":
        """Return the prior that has these arrays.

        Raises:
            ValueError: they do not fit each other.
        """
        if arrays["shape"].shape != (2,) or arrays["counts"].dtype != np.uint16:
            raise ValueError("tables of the prior are not whole numbers")
        rates, units = map(int, arrays["shape"])
        tables = Tables(arrays["low"], arrays["sizes"], arrays["counts"].astype(np.uint32))
        tables.check()
        if rates < 1 or units < 1 or len(tables) != rates * units:
            raise ValueError(f"{len(tables)} tables for {rates} rates of {units} units")
        return cls(rates, units, tables)


def fit_static_prior(codes: Sequence[NDArray[np.int32]], *, by_unit: bool) -> StaticPrior:
    """Fit the tables to codes, one (N, C, ...) array for each rate."""
    units = prod(codes[0].shape[1:]) if by_unit else codes[0].shape[1]
    weights, low = [], []
    for array in codes:
        for values in np.moveaxis(array.reshape(len(array), units, -1), 1, 0).reshape(units, -1):
            middle = int(np.clip(np.median(values), -MOST_MIDDLE, MOST_MIDDLE))
            first = int(np.clip(values.min() - 1, middle - REACH, middle))
            last = int(np.clip(values.max() + 1, middle, middle + REACH))
            inside = values[(values >= first) & (values <= last)]
            counts = np.bincount(inside - first, minlength=last - first + 1) + PSEUDO_COUNT
            weights.append(np.append(counts, len(values) - len(inside) + PSEUDO_COUNT))
            low.append(first)
    return StaticPrior(len(codes), units, make_tables(weights, low, BITS))
