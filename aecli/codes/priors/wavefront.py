"""The order in which the positions of a code are decoded, each after its neighbors.

Positions whose neighbors are known are decoded together: those with the same 3 row + column, of several codes at once.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

EDGE = 2
NEIGHBORS = tuple((row, column) for row in (-2, -1, 0) for column in range(-EDGE, EDGE + 1) if (row, column) < (0, 0))
"""Offsets in rows and columns: all of a 5x5 window above, and those to the left in the same row."""
BAND, LEAST_ROWS = 1 << 14, 8
"""Positions of a band of rows, and its least number of rows. Part of the format: another value decodes no old file."""

Places = NDArray[np.intp]


class Canvas:
    """The sums over the neighbors of the positions of several codes, with the margins that these need, in one array."""

    def __init__(self, sizes: Sequence[tuple[int, int]], hidden: int):
        """Make a canvas of zeros.

        Args:
            sizes: (rows, columns) of each code.
            hidden: Values of a position that are summed.
        """
        self._strides = np.array([width + 2 * EDGE for _, width in sizes])
        areas = self._strides * [height + EDGE for height, _ in sizes]
        self._starts = np.concatenate([[0], np.cumsum(areas)])
        self.sums = np.zeros((int(self._starts[-1]), hidden))
        rows, columns = np.array(NEIGHBORS).T
        self._offsets = rows * self._strides[:, None] + columns  # (codes, 12)

    def places(self, owners: Places, rows: Places, columns: Places) -> Places:
        """Return the indices of positions in `sums`."""
        places: Places = self._starts[owners] + rows * self._strides[owners] + columns + EDGE
        return places

    def add(self, owners: Places, places: Places, contributions: NDArray[np.float64]) -> None:
        """Add what positions contribute, (P, 12, H), to those that they are neighbors of."""
        for index, offsets in enumerate(self._offsets.T):
            self.sums[places - offsets[owners]] += contributions[:, index]

    def sums_below(self) -> NDArray[np.float64]:
        """Return the sums in the rows below the last code, which the next band of its rows starts from."""
        rows: NDArray[np.float64] = self.sums[-EDGE * int(self._strides[-1]) :]
        return rows


def waves(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[Places, Places, Places]]:
    """Yield code, row and column, (P,) each, of the positions that are decoded together, sorted by code.

    Args:
        sizes: (rows, columns) of each code.
    """
    grids = [np.indices(size).reshape(2, -1) for size in sizes]
    owners = np.repeat(np.arange(len(grids)), [grid.shape[1] for grid in grids])
    rows, columns = np.concatenate(grids, axis=1)
    numbers = 3 * rows + columns
    order = np.argsort(numbers, kind="stable")
    for start, end in pairwise([0, *(np.flatnonzero(np.diff(numbers[order])) + 1).tolist(), len(order)]):
        members = order[start:end]
        yield owners[members], rows[members], columns[members]


def bands(height: int, width: int) -> list[tuple[int, int]]:
    """Return the bands of rows that are coded one after the other, which bounds memory; neighbors reach across them."""
    rows = max(LEAST_ROWS, BAND // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def groups(sizes: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield the indices of codes that are decoded together: one of several bands, or as many as one band has room for.

    Args:
        sizes: (rows, columns) of each code.
    """
    members: list[int] = []
    room = BAND
    for index, (height, width) in enumerate(sizes):
        if len(bands(height, width)) > 1:
            yield [index]
            continue
        if members and height * width > room:
            yield members
            members, room = [], BAND
        members.append(index)
        room -= height * width
    if members:
        yield members
