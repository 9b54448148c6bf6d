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
FIRST_EDGE, EDGE_STEP = -3.5, 0.3125
SCALE_EDGES = np.arange(FIRST_EDGE, 8.6875, EDGE_STEP)
"""Base-2 logarithms of scales, multiples of 2^-10, between those that have tables of their own."""
SCALES = len(SCALE_EDGES) + 1
CHUNK = 4096
"""Positions that are predicted together, which bounds memory."""
MAX_SHIFT = 10
DOWN = np.ldexp(1.0, -np.arange(MAX_SHIFT + 1))
"""Exact powers of two by the shift of a channel; a power function may round."""
MAX_CHANNELS, MAX_HIDDEN = 4096, 128
"""With so many hidden units, four times a location is less than 2^31."""

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
        if [weight.shape for weight in self.weights] != shapes or channels > MAX_CHANNELS or hidden > MAX_HIDDEN:
            raise ValueError("layers of the prior do not fit each other")
        if [bias.shape for bias in self.biases] != [(rates, hidden), (rates, hidden), (rates, 2 * channels)]:
            raise ValueError("biases of the prior do not fit its layers")
        if (self.shifts < 0).any() or (self.shifts > MAX_SHIFT).any():
            raise ValueError(f"shifts of the prior outside of 0..{MAX_SHIFT}")

    def contributions(self, codes: NDArray[np.integer[Any]], rate: Rates) -> NDArray[np.float64]:
        """Return what positions add to the hidden units of those that they are neighbors of: (P, C) -> (P, 12, H).

        Most numbers of a code are zero and add nothing: the product is that of a sparse matrix. The features of a
        number are its value and its size; one entry holds both, and where a large number has a size of LARGEST_SIZE,
        another one corrects it.
        """
        from scipy.sparse import csr_array

        count, channels = codes.shape
        found = np.flatnonzero(codes)
        positions, columns = np.divmod(found.astype(np.int32), np.int32(channels))
        factors = DOWN[self.shifts[rate if isinstance(rate, int) else rate[positions], columns]]
        scaled = codes.ravel()[found] * factors
        sizes = np.minimum(np.abs(scaled), LARGEST_FEATURE)
        large = np.flatnonzero(sizes > LARGEST_SIZE)
        values = np.insert(sizes, large + 1, LARGEST_SIZE - sizes[large])
        units = np.insert(columns + channels * (scaled < 0), large + 1, columns[large] + 2 * channels)
        ends = np.searchsorted(np.insert(positions, large + 1, positions[large]), np.arange(count + 1))
        features = csr_array((values, units, ends), shape=(count, 3 * channels))
        hidden: NDArray[np.float64] = features @ self._neighbor_weights
        return hidden.reshape(count, len(NEIGHBORS), -1)

    def predict(self, hidden: NDArray[np.float64], rate: Rates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return locations and base-2 logarithms of scales, (P, C), from sums over the neighbors, (P, H)."""
        values = hidden + self._biases[0][rate]
        for weight, biases in zip(self._later_weights, self._biases[1:], strict=True):
            values /= ACTIVATION_UNIT  # a power of two: the quotient is exact
            np.rint(values, out=values)
            values *= ACTIVATION_UNIT
            np.maximum(values, SLOPE * values, out=values)
            np.clip(values, -LARGEST_ACTIVATION, LARGEST_ACTIVATION, out=values)
            values = values @ weight
            values += biases[rate]
        location, log_scale = values[:, : self.channels], values[:, self.channels :]
        location *= self._factors[rate]
        log_scale += self.shifts[rate]
        return location, log_scale

    @property
    def hidden(self) -> int:
        """Hidden units of each layer."""
        return len(self.weights[0])

    @cached_property
    def _neighbor_weights(self) -> NDArray[np.float64]:
        """What positive numbers, negative ones, and sizes alone add to the hidden units, by neighbor: (3 C, 12 H)."""
        first = self.weights[0].reshape(self.hidden, len(NEIGHBORS), -1).transpose(2, 1, 0)
        value, size = np.split(first.reshape(len(first), -1).astype(np.float64) * WEIGHT_UNIT, 2)
        return np.concatenate([size + value, size - value, size])

    @cached_property
    def _factors(self) -> NDArray[np.float64]:
        return np.ldexp(np.ones(self.shifts.shape), self.shifts)

    @cached_property
    def _later_weights(self) -> list[NDArray[np.float64]]:
        return [np.ascontiguousarray(weight.T.astype(np.float64) * WEIGHT_UNIT) for weight in self.weights[1:]]

    @cached_property
    def _biases(self) -> list[NDArray[np.float64]]:
        return [bias.astype(np.float64) * WEIGHT_UNIT for bias in self.biases]


def predictions(
    network: CausalNetwork, grid: NDArray[np.integer[Any]], rate: int, *, skip: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return the whole number next to each location, and the table, (h - skip, w, C) each, of a code (h, w, C).

    The first `skip` rows are only neighbors.
    """
    height, width, channels = grid.shape
    shape = (height - skip, width, channels)
    base, table = np.empty(shape, np.int32), np.empty(shape, np.uint16)
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
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return the whole number next to each location, and the table of its scale and fraction."""
    quarters = np.floor(FRACTIONS * location + FRACTIONS // 2).astype(np.int32)
    scale = np.floor((log_scale - FIRST_EDGE) / EDGE_STEP).astype(np.int32)  # the quotient at an edge is exact
    np.clip(scale, -1, SCALES - 2, out=scale)
    return quarters // FRACTIONS, ((scale + 1) * FRACTIONS + quarters % FRACTIONS).astype(np.uint16)
