"""The network of the causal prior, in exact fixed point: the same predictions on every machine.

All weights are multiples of 2^-14 and all activations of 2^-10, so that every product and every partial sum is an exact
float64, in whatever order. Only exact operations are used: no exponential, logarithm or division.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.wavefront import EDGE, NEIGHBORS

WEIGHT_UNIT, ACTIVATION_UNIT = 2.0**-14, 2.0**-10
SLOPE = 0.125
LARGEST_FEATURE, LARGEST_SIZE, LARGEST_ACTIVATION = 8.0, 2.0, 1024.0
FRACTIONS = 4
"""Positions of the location between two whole numbers that have tables of their own."""
SCALE_EDGES = np.arange(-3.5, 8.6875, 0.3125)
"""Base-2 logarithms of scales, multiples of 2^-10, between those that have tables of their own."""
SCALES = len(SCALE_EDGES) + 1
CHUNK = 4096
"""Positions that are predicted together, which bounds memory."""
MAX_UNITS = 4096

Rates = int | NDArray[np.intp]


@dataclass(frozen=True)
class CausalNetwork:
    """A network of three layers; all values are whole numbers, in units of 2^-14."""

    weights: tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]
    """(H, 12 * 2 C), (H, H), (2 C, H)."""
    biases: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    """(rates, H), (rates, H), (rates, 2 C)."""
    shifts: NDArray[np.int32]
    """(rates, C): numbers are divided by 2^shift before they enter the network."""

    @property
    def channels(self) -> int:
        return int(self.shifts.shape[1])

    def check(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: they do not fit each other.
        """
        arrays: list[NDArray[Any]] = [*self.weights, *self.biases, self.shifts]
        if [(array.dtype, array.ndim) for array in arrays] != [(np.dtype(np.int16), 2)] * 3 + [
            (np.dtype(np.int32), 2)
        ] * 4:
            raise ValueError("layers of the prior are not whole numbers")
        hidden, (rates, channels) = len(self.weights[0]), self.shifts.shape
        shapes = [(hidden, len(NEIGHBORS) * 2 * channels), (hidden, hidden), (2 * channels, hidden)]
        if [weight.shape for weight in self.weights] != shapes or max(hidden, channels) > MAX_UNITS:
            raise ValueError("layers of the prior do not fit each other")
        if [bias.shape for bias in self.biases] != [(rates, hidden), (rates, hidden), (rates, 2 * channels)]:
            raise ValueError("biases of the prior do not fit its layers")
        if (self.shifts < 0).any() or (self.shifts > 10).any():
            raise ValueError("shifts of the prior outside of 0..10")

    def contributions(self, codes: NDArray[np.integer[Any]], rate: Rates) -> NDArray[np.float64]:
        """Return what positions add to the hidden units of those that they are neighbors of: (P, C) -> (P, 12, H).

        Most numbers of a code are zero, and add nothing: the product is that of a sparse matrix.
        """
        from scipy.sparse import csr_array

        count, channels = codes.shape
        positions, columns = np.nonzero(codes)
        shifts = np.broadcast_to(self.shifts[rate], codes.shape)[positions, columns]
        scaled = codes[positions, columns] * 2.0**-shifts
        values = np.empty((len(scaled), 2))
        values[:, 0] = np.clip(scaled, -LARGEST_FEATURE, LARGEST_FEATURE)
        values[:, 1] = np.minimum(np.abs(scaled), LARGEST_SIZE)
        ends = np.searchsorted(positions, np.arange(count + 1)) * 2
        features = csr_array(
            (values.ravel(), (columns[:, None] + [0, channels]).ravel(), ends), shape=(count, 2 * channels)
        )
        hidden: NDArray[np.float64] = features @ self._neighbor_weights
        return hidden.reshape(count, len(NEIGHBORS), -1)

    def predict(self, hidden: NDArray[np.float64], rate: Rates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return locations and base-2 logarithms of scales, (P, C), from sums over the neighbors, (P, H)."""
        values = hidden + self._biases[0][rate]
        for weight, biases in zip(self._later_weights, self._biases[1:], strict=True):
            values = np.rint(values / ACTIVATION_UNIT) * ACTIVATION_UNIT  # a division by a power of two is exact
            values = np.clip(np.maximum(values, SLOPE * values), -LARGEST_ACTIVATION, LARGEST_ACTIVATION)
            values = values @ weight + biases[rate]
        location, log_scale = values[:, : self.channels], values[:, self.channels :]
        factors = 2.0 ** self.shifts[rate]
        return location * factors, log_scale + self.shifts[rate]

    @property
    def hidden(self) -> int:
        """Hidden units of each layer."""
        return len(self.weights[0])

    @cached_property
    def _neighbor_weights(self) -> NDArray[np.float64]:
        """The first layer, (2 C, 12 H): what each feature adds to the hidden units, by neighbor."""
        first = self.weights[0].reshape(self.hidden, len(NEIGHBORS), -1).transpose(2, 1, 0)
        return np.ascontiguousarray(first.reshape(len(first), -1).astype(np.float64) * WEIGHT_UNIT)

    @cached_property
    def _later_weights(self) -> list[NDArray[np.float64]]:
        return [np.ascontiguousarray(weight.T.astype(np.float64) * WEIGHT_UNIT) for weight in self.weights[1:]]

    @cached_property
    def _biases(self) -> list[NDArray[np.float64]]:
        return [bias.astype(np.float64) * WEIGHT_UNIT for bias in self.biases]


def predictions(
    network: CausalNetwork, grid: NDArray[np.integer[Any]], rate: int, *, skip: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the whole number next to each location, and the table, (h - skip, w, C) each, of a code (h, w, C).

    The first `skip` rows are only neighbors.
    """
    height, width, channels = grid.shape
    shape = (height - skip, width, channels)
    base, table = np.empty(shape, np.int64), np.empty(shape, np.intp)
    hidden = np.zeros((height + EDGE, width + 2 * EDGE, network.hidden))
    rows_at_once = max(1, CHUNK // width)
    for top in range(0, height, rows_at_once):
        rows = min(rows_at_once, height - top)
        added = network.contributions(grid[top : top + rows].reshape(rows * width, channels), rate)
        for index, (row, column) in enumerate(NEIGHBORS):
            hidden[top - row : top - row + rows, EDGE - column : EDGE - column + width] += added[:, index].reshape(
                rows, width, -1
            )
    for top in range(skip, height, rows_at_once):
        rows = min(rows_at_once, height - top)
        sums = hidden[top : top + rows, EDGE : EDGE + width].reshape(rows * width, -1)
        found = base_and_table(*network.predict(sums, rate))
        place = slice(top - skip, top - skip + rows)
        base[place], table[place] = (part.reshape(rows, width, channels) for part in found)
    return base, table


def base_and_table(
    location: NDArray[np.float64], log_scale: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the whole number next to each location, and the table of its scale and fraction."""
    base = np.floor(location + 0.5)
    fraction = np.floor(FRACTIONS * (location - base + 0.5)).astype(np.intp)
    return base.astype(np.int64), np.searchsorted(SCALE_EDGES, log_scale, side="right") * FRACTIONS + fraction
