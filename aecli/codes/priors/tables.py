"""Frequency tables of whole numbers, as an entropy coder takes them on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 1 << 12
"""The most symbols of a table, with the escape symbol."""


@dataclass(frozen=True)
class Tables:
    """Tables of the frequencies of consecutive numbers, and of an escape symbol for all others.

    The frequencies of each table are at least 1 and sum to a power of two, so that their quotients are exact.
    """

    low: NDArray[np.int32]
    """(T,) the first number of each table."""
    sizes: NDArray[np.int32]
    """(T,) symbols of each table; the last one is the escape symbol."""
    counts: NDArray[np.uint32]
    """(sum of sizes,) the frequencies, table by table."""

    def __len__(self) -> int:
        return len(self.low)

    def check(self) -> None:
        """Check that the tables are those of an entropy coder.

        Raises:
            ValueError: they are not.
        """
        if [str(array.dtype) for array in (self.low, self.sizes, self.counts)] != ["int32", "int32", "uint32"]:
            raise ValueError("tables that are not whole numbers")
        sizes, low = self.sizes.astype(np.int64), self.low.astype(np.int64)
        if not (sizes.ndim == low.ndim == self.counts.ndim == 1 and len(sizes) == len(low) > 0):
            raise ValueError("tables of different numbers")
        if not ((sizes >= 2) & (sizes <= SYMBOLS) & (np.abs(low) < 1 << 20)).all() or sizes.sum() != len(self.counts):
            raise ValueError("tables of impossible sizes")
        totals = np.add.reduceat(self.counts.astype(np.int64), self._starts[:-1])
        if (self.counts < 1).any() or (totals != totals[0]).any() or totals[0] not in {1 << 16, 1 << 23}:
            raise ValueError("tables whose frequencies do not sum to a power of two")

    def symbols(
        self, values: NDArray[np.integer[Any]], tables: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the symbol of each value, and the last one of its table, which is that of values that it lacks.

        Args:
            values: (M,) runs of values with the same table.
            tables: (R,) the table of each run.
            lengths: (R,) the values of each run.
        """
        offsets, last = values - np.repeat(self.low[tables], lengths), np.repeat(self.sizes[tables] - 1, lengths)
        outside = (offsets < 0) | (offsets > last)
        symbols = offsets.astype(np.int32)
        np.copyto(symbols, last, where=outside)
        return symbols, last

    def numbers(
        self, symbols: NDArray[np.int32], tables: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """Return the values of symbols, runs as of `symbols`, and the indices of those that their tables lack."""
        missing = np.flatnonzero(symbols == np.repeat(self.sizes[tables] - 1, lengths))
        return symbols + np.repeat(self.low[tables], lengths), missing

    def model(self, table: int) -> Any:
        """Return the entropy coder's model of a table."""
        models = self._models
        if table not in models:
            from constriction import stream

            counts = self.counts[self._starts[table] : self._starts[table + 1]].astype(np.float64)
            models[table] = stream.model.Categorical(counts / counts.sum(), perfect=False)
        return models[table]

    @cached_property
    def _models(self) -> dict[int, Any]:
        return {}

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.sizes.astype(np.int64))])


def make_tables(weights: Sequence[NDArray[np.float64]], low: Sequence[int], bits: int) -> Tables:
    """Return tables with frequencies close to these weights, in proportion, that sum to 2^bits.

    Args:
        weights: For each table the weights of consecutive numbers, and as the last one that of all other numbers.
        low: The first number of each table.
        bits: 16 or 23.
    """
    counts = [_whole_counts(row, 1 << bits) for row in weights]
    return Tables(np.array(low, np.int32), np.array([len(row) for row in counts], np.int32), np.concatenate(counts))


def _whole_counts(weights: NDArray[np.float64], total: int) -> NDArray[np.uint32]:
    exact = weights / weights.sum() * (total - len(weights)) + 1
    counts = np.floor(exact).astype(np.int64)
    counts[np.argmax(counts)] += total - counts.sum()
    whole: NDArray[np.uint32] = counts.astype(np.uint32)
    return whole
