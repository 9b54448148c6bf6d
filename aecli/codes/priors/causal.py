"""A prior that predicts each position of a code from neighbors that are decoded before it.

Minnen, Balle and Toderici, "Joint autoregressive and hierarchical priors for learned image compression", NeurIPS 2018,
without their hyperprior. The network predicts location and scale of each channel's number from the 12 causal neighbors
of a 5x5 window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.priors.causal_network import (
    FRACTIONS,
    SCALE_EDGES,
    SCALES,
    CausalNetwork,
    base_and_table,
    predictions,
)
from aecli.codes.priors.stream import LARGEST, Reader, Writer
from aecli.codes.priors.tables import Tables, make_tables
from aecli.codes.priors.wavefront import EDGE, Canvas, bands, groups, waves

BITS = 23
MAX_REACH = 300
"""The largest difference from a prediction that a table holds."""
SMOOTHING = 200.0
"""Observations that the logistic distributions count as when tables are fitted."""


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
        writer, (_, height, width) = Writer(self.tables), codes.shape
        for top, bottom in reversed(bands(height, width)):
            first = max(0, top - EDGE)
            grid = np.ascontiguousarray(np.moveaxis(codes[:, first:bottom], 0, -1))  # with the rows above as neighbors
            base, table = predictions(self.network, grid, rate, skip=top - first)
            residuals = grid[top - first :] - base
            for _, rows, columns in reversed(list(waves([(bottom - top, width)]))):
                writer.add(residuals[rows, columns].ravel(), table[rows, columns].ravel())
        return writer.words()

    def decode(
        self, streams: Sequence[NDArray[np.uint32]], shapes: Sequence[Sequence[int]], rates: Sequence[int]
    ) -> list[NDArray[np.int32]]:
        """Return the codes of streams, of shape (C, h, w) each; small ones are decoded together.

        Raises:
            ValueError: a stream is damaged.
        """
        codes = [np.empty((height, width, channels), np.int32) for channels, height, width in shapes]
        for members in groups([(height, width) for _, height, width in shapes]):
            reader = Reader([streams[index] for index in members], self.tables)
            self._decode(reader, [codes[index] for index in members], np.array([rates[index] for index in members]))
            reader.finish()
        return [np.ascontiguousarray(np.moveaxis(code, -1, 0)) for code in codes]

    def _decode(self, reader: Reader, codes: Sequence[NDArray[np.int32]], rates: NDArray[np.intp]) -> None:
        """Fill the codes of one stream each, (h, w, C): several that are one band each, or one of several bands."""
        sizes, channels = [code.shape[:2] for code in codes], codes[0].shape[2]
        above = None
        for top, bottom in bands(*sizes[0]):
            parts = [(bottom - top, sizes[0][1])] if len(codes) == 1 else sizes
            canvas = Canvas(parts, self.network.hidden)
            if above is not None:
                canvas.sums[: len(above)] = above
            for owners, rows, columns in waves(parts):
                places = canvas.places(owners, rows, columns)
                rate = int(rates[0]) if (rates == rates[0]).all() else rates[owners]
                base, table = base_and_table(*self.network.predict(canvas.sums[places], rate))
                values = reader.read(table.ravel(), np.repeat(owners, channels)).reshape(base.shape)
                values += base
                if values.min() <= -LARGEST or values.max() >= LARGEST:
                    raise ValueError("the stream has values that are too large")
                for first, last in pairwise([*np.unique(owners, return_index=True)[1].tolist(), len(owners)]):
                    codes[owners[first]][top + rows[first:last], columns[first:last]] = values[first:last]
                canvas.add(owners, places, self.network.contributions(values, rate))
            above = canvas.sums_below()

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
