"""A prior that predicts each position of a code from neighbors that are decoded before it, in exact fixed point.

Minnen, Balle and Toderici, "Joint autoregressive and hierarchical priors for learned image compression", NeurIPS 2018,
without their hyperprior. The network predicts location and scale of each channel's number from the 12 causal neighbors
of a 5x5 window. Positions whose neighbors are known are decoded together: those with the same 3 row + column.

Encoder and decoder must compute the same tables on every machine. All weights are multiples of 2^-14 and all
activations of 2^-13, so that every product and every partial sum is an exact float64, in whatever order. Only exact
operations are used: no exponential, logarithm or division.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.stream import LARGEST, Reader, Writer
from aecli.codes.priors.tables import Tables, make_tables

BITS = 23
EDGE = 2
NEIGHBORS = tuple((row, column) for row in (-2, -1, 0) for column in range(-EDGE, EDGE + 1) if (row, column) < (0, 0))
"""Offsets in rows and columns: all of a 5x5 window above, and those to the left in the same row."""
WEIGHT_UNIT, ACTIVATION_UNIT = 2.0**-14, 2.0**-10
SLOPE = 0.125
LARGEST_FEATURE, LARGEST_SIZE, LARGEST_ACTIVATION = 8.0, 2.0, 1024.0
FRACTIONS = 4
"""Positions of the location between two whole numbers that have tables of their own."""
SCALE_EDGES = np.arange(-3.5, 8.6875, 0.3125)
"""Base-2 logarithms of scales, multiples of 2^-10, between those that have tables of their own."""
SCALES = len(SCALE_EDGES) + 1
MAX_REACH = 300
"""The largest difference from a prediction that a table holds."""
SMOOTHING = 200.0
"""Observations that the logistic distributions count as when tables are fitted."""
CHUNK = 4096
"""Positions that are predicted together, which bounds memory."""
BAND, LEAST_ROWS = 1 << 14, 8
"""Positions of a band of rows, and its least number of rows. Part of the format: another value decodes no old file."""
MAX_UNITS = 4096


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

    def features(self, codes: NDArray[np.integer[Any]], rate: int) -> NDArray[np.float64]:
        """Return the input of positions, (..., C) -> (..., 2 C)."""
        scaled = codes * 2.0 ** -self.shifts[rate]
        signed = np.clip(scaled, -LARGEST_FEATURE, LARGEST_FEATURE)
        return np.concatenate([signed, np.minimum(np.abs(scaled), LARGEST_SIZE)], -1)

    def predict(self, inputs: NDArray[np.float64], rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return locations and base-2 logarithms of scales, (P, C), from features of the neighbors, (P, 12 * 2 C)."""
        values = inputs
        for index, (weight, biases) in enumerate(self._layers):
            values = values @ weight + biases[rate]
            if index < len(self._layers) - 1:
                values = np.rint(values / ACTIVATION_UNIT) * ACTIVATION_UNIT  # a division by a power of two is exact
                values = np.clip(np.maximum(values, SLOPE * values), -LARGEST_ACTIVATION, LARGEST_ACTIVATION)
        location, log_scale = values[:, : self.channels], values[:, self.channels :]
        factors = 2.0 ** self.shifts[rate]
        return location * factors, log_scale + self.shifts[rate]

    @cached_property
    def _layers(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return [
            (np.ascontiguousarray(weight.T.astype(np.float64) * WEIGHT_UNIT), bias.astype(np.float64) * WEIGHT_UNIT)
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]


@dataclass(frozen=True)
class CausalPrior:
    """The network, and tables for scales and fractions of the location."""

    network: CausalNetwork
    tables: Tables

    @property
    def rates(self) -> int:
        return len(self.network.shifts)

    def fits(self, rates: int, code_shape: Sequence[int]) -> bool:
        """Return whether this is a prior of codes of this shape at so many rates."""
        return len(code_shape) == 3 and self.network.shifts.shape == (rates, code_shape[0])

    def encode(self, codes: NDArray[np.int32], rate: int) -> NDArray[np.uint32]:
        """Return the words of the code of one image, (C, h, w)."""
        writer, (channels, height, width) = Writer(self.tables), codes.shape
        for top, bottom in reversed(_bands(height, width)):
            first = max(0, top - EDGE)
            grid = np.moveaxis(codes[:, first:bottom], 0, -1)  # (rows, w, C), with the rows above as neighbors
            base, table = predictions(self.network, grid, rate, skip=top - first)
            waves = 3 * np.arange(bottom - top)[:, None] + np.arange(width)
            writer.add((grid[top - first :] - base).ravel(), table.ravel(), np.repeat(waves.ravel(), channels))
        return writer.words()

    def decode(self, words: NDArray[np.uint32], shape: Sequence[int], rate: int) -> NDArray[np.int32]:
        """Return the code of a stream, of shape (C, h, w).

        Raises:
            ValueError: the stream is damaged.
        """
        channels, height, width = shape
        reader = Reader(words, self.tables)
        codes = np.zeros((channels, height, width), np.int32)
        above = np.zeros((EDGE, width + 2 * EDGE, 2 * channels))
        for top, bottom in _bands(height, width):
            below = np.zeros((bottom - top, width + 2 * EDGE, 2 * channels))
            features = np.concatenate([above, below])
            for rows, columns in _waves(bottom - top, width):
                inputs = np.concatenate(
                    [features[rows + EDGE + row, columns + EDGE + column] for row, column in NEIGHBORS], axis=1
                )
                base, table = _base_and_table(*self.network.predict(inputs, rate))
                values = reader.read(table.ravel()).reshape(base.shape) + base
                if np.abs(values).max() >= LARGEST:
                    raise ValueError("the stream has values that are too large")
                codes[:, top + rows, columns] = values.T
                features[rows + EDGE, columns + EDGE] = self.network.features(values, rate)
            above = features[-EDGE:]
        reader.finish()
        return codes

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `from_arrays` takes."""
        tables = {"low": self.tables.low, "sizes": self.tables.sizes, "counts": self.tables.counts}
        layers = {f"weight{index}": weight for index, weight in enumerate(self.network.weights)}
        biases = {f"bias{index}": bias for index, bias in enumerate(self.network.biases)}
        return {**layers, **biases, "shifts": self.network.shifts, **tables}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "CausalPrior":
        """Return the prior that has these arrays.

        Raises:
            ValueError: they do not fit each other.
        """
        weights = (arrays["weight0"], arrays["weight1"], arrays["weight2"])
        network = CausalNetwork(weights, (arrays["bias0"], arrays["bias1"], arrays["bias2"]), arrays["shifts"])
        network.check()
        tables = Tables(arrays["low"], arrays["sizes"], arrays["counts"])
        tables.check()
        if len(tables) != SCALES * FRACTIONS:
            raise ValueError(f"{len(tables)} tables instead of {SCALES * FRACTIONS}")
        return cls(network, tables)


def predictions(
    network: CausalNetwork, grid: NDArray[np.integer[Any]], rate: int, *, skip: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the whole number next to each location, and the table, (h - skip, w, C) each, of a code (h, w, C).

    The first `skip` rows are only neighbors.
    """
    height, width, channels = grid.shape
    padded = np.pad(network.features(grid, rate), ((EDGE, 0), (EDGE, EDGE), (0, 0)))
    shape = (height - skip, width, channels)
    base, table = np.empty(shape, np.int64), np.empty(shape, np.intp)
    rows_at_once = max(1, CHUNK // width)
    for top in range(0, height - skip, rows_at_once):
        rows = min(rows_at_once, height - skip - top)
        first = top + skip + EDGE
        shifted = [
            padded[first + row : first + row + rows, EDGE + column : EDGE + column + width] for row, column in NEIGHBORS
        ]
        inputs = np.concatenate(shifted, axis=-1).reshape(rows * width, -1)
        found = _base_and_table(*network.predict(inputs, rate))
        base[top : top + rows], table[top : top + rows] = (part.reshape(rows, width, channels) for part in found)
    return base, table


def _base_and_table(
    location: NDArray[np.float64], log_scale: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    base = np.floor(location + 0.5)
    fraction = np.floor(FRACTIONS * (location - base + 0.5)).astype(np.intp)
    return base.astype(np.int64), np.searchsorted(SCALE_EDGES, log_scale, side="right") * FRACTIONS + fraction


def _bands(height: int, width: int) -> list[tuple[int, int]]:
    """Return the bands of rows that are coded one after the other, which bounds memory; neighbors reach across them."""
    rows = max(LEAST_ROWS, BAND // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def _waves(height: int, width: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows and columns of the positions that are decoded together, in order."""
    for wave in range(3 * (height - 1) + width):
        rows = np.arange(max(0, -(-(wave - width + 1) // 3)), min(height - 1, wave // 3) + 1)
        if len(rows):
            yield rows, wave - 3 * rows


def fit_causal_tables(residuals: NDArray[np.int64], tables: NDArray[np.intp]) -> Tables:
    """Fit the tables to the differences from the predictions, (M,), and the table of each, (M,).

    Discretized logistic distributions of the middle of each range of scales are added, as so many observations, so that
    rare tables are smooth.
    """
    steps = float(SCALE_EDGES[1] - SCALE_EDGES[0])
    middles = np.concatenate([[SCALE_EDGES[0] - steps / 2], SCALE_EDGES + steps / 2])
    weights, low = [], []
    order = np.argsort(tables, kind="stable")
    parts = np.split(residuals[order], np.searchsorted(tables[order], np.arange(1, SCALES * FRACTIONS)))
    for index, values in enumerate(parts):
        scale, fraction = 2.0 ** middles[index // FRACTIONS], (index % FRACTIONS + 0.5) / FRACTIONS - 0.5
        reach = int(min(9 * scale + 3, MAX_REACH))
        edges = (np.arange(-reach, reach + 2) - 0.5 - fraction) / scale
        smooth = np.diff(1 / (1 + np.exp(-np.clip(edges, -500, 500))))
        outside = np.append(smooth, max(1 - smooth.sum(), 0)) * SMOOTHING
        inside = np.abs(values) <= reach
        counts = np.append(np.bincount(values[inside] + reach, minlength=2 * reach + 1), (~inside).sum())
        weights.append(outside + counts + 1e-6)
        low.append(-reach)
    return make_tables(weights, low, BITS)
