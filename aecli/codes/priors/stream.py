"""Whole numbers <-> words, each number with a table of its own: asymmetric numeral systems, by constriction.

The numbers of a step that have the same table are coded together. A number that its table lacks is coded as the escape
symbol; its 32 bits follow the symbols of the step.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.tables import Tables

HALF = 1 << 16
LARGEST = 1 << 30
"""Numbers are smaller, in absolute value."""


class Writer:
    """Encodes numbers in the reverse order of decoding: the step that is added last is decoded first."""

    def __init__(self, known: Tables):
        from constriction import stream

        self._known, self._half = known, stream.model.Uniform(HALF)
        self._coder: Any = stream.stack.AnsCoder()

    def add(self, values: NDArray[np.integer[Any]], tables: NDArray[np.integer[Any]]) -> None:
        """Add the numbers of a step, (M,), given the table of each.

        Raises:
            ValueError: a number is too large.
        """
        order, used, ends = _runs(tables)
        values = values[order]
        symbols, last = self._known.symbols(values, used, np.diff(ends, prepend=0))
        if len(missing := np.flatnonzero(symbols == last)):
            self._coder.encode_reverse(_halves(values[missing]), self._half)
        end = len(symbols)
        for table, start in zip(reversed(used.tolist()), [*reversed(ends[:-1].tolist()), 0], strict=True):
            self._coder.encode_reverse(symbols[start:end], self._known.model(table))
            end = start

    def words(self) -> NDArray[np.uint32]:
        """Return the words of the stream."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words


class Reader:
    """Decodes the numbers of several streams, step by step."""

    def __init__(self, streams: Sequence[NDArray[np.uint32]], known: Tables):
        from constriction import stream

        self._known, self._half = known, stream.model.Uniform(HALF)
        try:
            self._coders: list[Any] = [stream.stack.AnsCoder(words) for words in streams]
        except ValueError as error:
            raise ValueError("the stream ends with a zero word") from error

    def read(self, tables: NDArray[np.integer[Any]], streams: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the numbers of the next step, (M,), given the table of each, and the stream that it is in.

        Raises:
            ValueError: a stream is damaged.
        """
        keys = tables if len(self._coders) == 1 else streams * len(self._known) + tables
        order, used, ends = _runs(keys)
        lengths = np.diff(ends, prepend=0)
        owners, used = np.divmod(used, len(self._known))
        symbols = np.empty(len(keys), np.int32)
        start = 0
        for stream, table, end in zip(owners.tolist(), used.tolist(), ends.tolist(), strict=True):
            symbols[start:end] = self._coders[stream].decode(self._known.model(table), end - start)
            start = end
        numbers, escaped = self._known.numbers(symbols, used, lengths)
        if len(escaped):
            owners = np.repeat(owners, lengths)[escaped]
            for stream in np.unique(owners).tolist():
                missing = escaped[owners == stream]
                numbers[missing] = _whole(self._coders[stream].decode(self._half, 2 * len(missing)))
        values = np.empty_like(numbers)
        values[order] = numbers
        return values

    def finish(self) -> None:
        """Check that the streams have no more numbers.

        Raises:
            ValueError: one has.
        """
        if not all(coder.is_empty() for coder in self._coders):
            raise ValueError("the stream has more numbers than the code")


def _runs(keys: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the stable order of whole numbers from 0, which of them there are, and where the run of each ends.

    Small ones are sorted by radix, which is ten times as fast.
    """
    counts = np.bincount(keys)
    small = np.uint8 if len(counts) <= 1 << 8 else np.uint16 if len(counts) <= 1 << 16 else np.intp
    used = np.flatnonzero(counts)
    return np.argsort(keys.astype(small, copy=False), kind="stable"), used, np.cumsum(counts[used])


def _halves(values: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    whole = values.astype(np.int64) + LARGEST
    if whole.min() <= 0 or whole.max() >= 2 * LARGEST:
        raise ValueError("a code has values that are too large")
    return np.stack([whole // HALF, whole % HALF], 1).ravel().astype(np.int32)


def _whole(halves: NDArray[np.int32]) -> NDArray[np.int64]:
    pairs = halves.astype(np.int64).reshape(-1, 2)
    values: NDArray[np.int64] = pairs[:, 0] * HALF + pairs[:, 1] - LARGEST
    if np.abs(values).max() >= LARGEST:
        raise ValueError("the stream has values that are too large")
    return values
