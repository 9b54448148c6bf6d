"""Whole numbers <-> words, each number with a table of its own: asymmetric numeral systems, by constriction.

Numbers that are coded with the same table, in one step, are coded together. A number that its table lacks is coded as
the escape symbol and 32 bits.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.tables import Tables

HALF = 1 << 16
LARGEST = 1 << 30
"""Numbers are smaller, in absolute value."""


class Writer:
    """Encodes numbers in the reverse order of decoding: what is added last is decoded first."""

    def __init__(self, known: Tables):
        from constriction import stream

        self._known, self._half = known, stream.model.Uniform(HALF)
        self._coder: Any = stream.stack.AnsCoder()

    def add(self, values: NDArray[np.int64], tables: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Add numbers, (M,), that are decoded before those added earlier, in the order of their steps.

        Args:
            values: The numbers.
            tables: The table of each number.
            steps: Whole numbers from 0.

        Raises:
            ValueError: a number is too large.
        """
        order = np.lexsort((tables, steps))
        values, tables, steps = values[order], tables[order], steps[order]
        symbols = self._known.symbols(values, tables)
        is_escaped = symbols == self._known.sizes[tables] - 1
        changes = np.flatnonzero((np.diff(tables) != 0) | (np.diff(steps) != 0)) + 1
        bounds = [0, *changes.tolist(), len(values)] if len(values) else [0]
        for start, end in zip(reversed(bounds[:-1]), reversed(bounds[1:]), strict=True):
            if is_escaped[start:end].any():
                self._coder.encode_reverse(_halves(values[start:end][is_escaped[start:end]]), self._half)
            self._coder.encode_reverse(symbols[start:end], self._known.model(int(tables[start])))

    def words(self) -> NDArray[np.uint32]:
        """Return the words of the stream."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words


class Reader:
    """Decodes the numbers of a stream, step by step."""

    def __init__(self, words: NDArray[np.uint32], known: Tables):
        from constriction import stream

        self._known, self._half = known, stream.model.Uniform(HALF)
        try:
            self._coder: Any = stream.stack.AnsCoder(words)
        except ValueError as error:
            raise ValueError("the stream ends with a zero word") from error

    def read(self, tables: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the numbers of the next step, (M,), given the table of each.

        Raises:
            ValueError: the stream is damaged.
        """
        values = np.empty(len(tables), np.int64)
        order = np.argsort(tables, kind="stable")
        for places in _runs(tables, order):
            table = int(tables[places[0]])
            symbols = self._coder.decode(self._known.model(table), len(places)).astype(np.int64)
            is_escaped = symbols == self._known.sizes[table] - 1
            numbers = symbols + self._known.low[table]
            if is_escaped.any():
                numbers[is_escaped] = _whole(self._coder.decode(self._half, 2 * int(is_escaped.sum())))
            values[places] = numbers
        return values

    def finish(self) -> None:
        """Check that the stream has no more numbers.

        Raises:
            ValueError: it has.
        """
        if not self._coder.is_empty():
            raise ValueError("the stream has more numbers than the code")


def _runs(tables: NDArray[np.intp], order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the places of the numbers of each table, in the order of the tables."""
    if len(order):
        yield from np.split(order, np.flatnonzero(np.diff(tables[order])) + 1)


def _halves(values: NDArray[np.int64]) -> NDArray[np.int32]:
    if np.abs(values).max() >= LARGEST:
        raise ValueError("a code has values that are too large")
    whole = values + LARGEST
    return np.stack([whole // HALF, whole % HALF], 1).ravel().astype(np.int32)


def _whole(halves: NDArray[np.int32]) -> NDArray[np.int64]:
    pairs = halves.astype(np.int64).reshape(-1, 2)
    return pairs[:, 0] * HALF + pairs[:, 1] - LARGEST
