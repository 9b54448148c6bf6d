"""Whole numbers <-> words, each number with a table of its own: asymmetric numeral systems, by constriction.

Numbers that are coded with the same table, in one step, are coded together. A number that its table lacks is coded as
the escape symbol; its 32 bits follow the symbols of the step.
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
        order = _argsort(tables)
        order = order[_argsort(steps[order])]
        values, tables, steps = values[order], tables[order], steps[order]
        symbols = self._known.symbols(values, tables)
        escapes = self._escapes(values, tables, steps, symbols)
        bounds = _bounds((np.diff(tables) != 0) | (np.diff(steps) != 0), len(values))
        firsts = bounds[:-1]
        runs = zip(firsts, bounds[1:], tables[firsts].tolist(), steps[firsts].tolist(), strict=True)
        for start, end, table, step in reversed(list(runs)):
            if escapes and (missing := escapes.pop(step, None)) is not None:
                self._coder.encode_reverse(_halves(missing), self._half)
            self._coder.encode_reverse(symbols[start:end], self._known.model(table))

    def _escapes(
        self, values: NDArray[np.int64], tables: NDArray[np.intp], steps: NDArray[np.intp], symbols: NDArray[np.int32]
    ) -> dict[int, NDArray[np.int64]]:
        """Return the numbers that their tables lack, by step, in the order of decoding."""
        missing = np.flatnonzero(symbols == self._known.sizes[tables] - 1)
        return {step: values[missing[steps[missing] == step]] for step in np.unique(steps[missing]).tolist()}

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

    def read(self, tables: NDArray[np.intp], streams: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the numbers of the next step, (M,), given the table of each, and the stream that it is in.

        Raises:
            ValueError: a stream is damaged.
        """
        keys = streams * len(self._known) + tables
        order = _argsort(keys)
        keys = keys[order]
        bounds = _bounds(np.diff(keys) != 0, len(keys))
        symbols = [np.empty(0, np.int32)]
        for start, end, key in zip(bounds[:-1], bounds[1:], keys[bounds[:-1]].tolist(), strict=True):
            stream, table = divmod(key, len(self._known))
            symbols.append(self._coders[stream].decode(self._known.model(table), end - start))
        found = np.concatenate(symbols)
        tables = tables[order]
        numbers = found.astype(np.int64) + self._known.low[tables]
        escaped = np.flatnonzero(found == self._known.sizes[tables] - 1)
        if len(escaped):
            owners = streams[order][escaped]
            for stream in np.unique(owners).tolist():
                missing = escaped[owners == stream]
                numbers[missing] = _whole(self._coders[stream].decode(self._half, 2 * len(missing)))
        values = np.empty_like(numbers)
        values[order] = numbers
        if np.abs(values).max(initial=0) >= LARGEST:
            raise ValueError("the stream has values that are too large")
        return values

    def finish(self) -> None:
        """Check that the streams have no more numbers.

        Raises:
            ValueError: one has.
        """
        if not all(coder.is_empty() for coder in self._coders):
            raise ValueError("the stream has more numbers than the code")


def _argsort(keys: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the stable order of whole numbers from 0; small ones, by radix sort, are ten times as fast."""
    most = int(keys.max(initial=0))
    return np.argsort(keys.astype(np.uint16) if most < 1 << 16 else keys, kind="stable")


def _bounds(changes: NDArray[np.bool_], count: int) -> list[int]:
    """Return where the runs of equal values start, and `count`."""
    return [0, *(np.flatnonzero(changes) + 1).tolist(), count] if count else [0]


def _halves(values: NDArray[np.int64]) -> NDArray[np.int32]:
    if np.abs(values).max() >= LARGEST:
        raise ValueError("a code has values that are too large")
    whole = values + LARGEST
    return np.stack([whole // HALF, whole % HALF], 1).ravel().astype(np.int32)


def _whole(halves: NDArray[np.int32]) -> NDArray[np.int64]:
    pairs = halves.astype(np.int64).reshape(-1, 2)
    return pairs[:, 0] * HALF + pairs[:, 1] - LARGEST
