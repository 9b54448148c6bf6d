"""The repulsion between all points of a t-SNE plane: summed pair by pair, or on a grid, whichever is less work.

The grid is FIt-SNE's idea (Linderman et al., Nature Methods 16, 2019): spread the points on its nodes, convolve with
the kernel by FFT, read the result off at the points; O(N + M² log M) for N points and M² nodes. Here the kernel is
interpolated by cubic B-splines, whose prefilter costs nothing in Fourier space (Unser, IEEE Signal Processing
Magazine 16, 1999); the force's own kernel is used, so that one forward and two inverse transforms do; and the sum of
all similarities is read off the spectrum. In single precision: forces are off by 2 to 4 % (root mean
square) at most against exact sums, as they are with the grid and the tree of openTSNE, in a fraction of the time.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.sparse import csr_matrix

NODE_DISTANCE = 0.5
"""Of the grid, in units of the plane, in which the kernel 1 / (1 + distance²) is one wide."""
LEAST_NODES, MOST_NODES = 50, 2000
"""Along the plane's longer side: a plane that is still small gets a finer grid, one that is huge a coarser one."""
SUPPORT = 4
"""Nodes that a cubic B-spline spans."""
MARGIN = 16
"""Nodes after which the prefilter (decay 0.27 a node) has forgotten that the kernel is cut off."""
PAIRS_PER_NODE = 8
"""Pairs that are summed in the time that one node of the padded grid takes, by measurement."""
ROWS = 256
"""Of the matrix of pairs, at a time: they stay in the processor's cache."""
LEAST_POINTS_TO_SHARE = 600
LEAST_SIZE_TO_SHARE = 300
"""Of the padded grid. Below these, handing work to a second thread costs more than it brings."""

Forces = tuple[NDArray[np.float64], float]
"""The force on each of N points, (N, 2), and the sum of all similarities.

The similarity of two points is q = 1 / (1 + d²), d being their distance; the force on point i is the sum over j of
q² (point i - point j), not yet divided by the sum of q over all pairs of two different points.
"""


def direct_repulsion(points: NDArray[np.float64], parallel: Callable[..., Iterable[Any]] = map) -> Forces:
    """Return the forces between (N, 2) points, pair by pair in single precision; `parallel` is a kind of `map`."""
    near = (points - points.mean(axis=0)).astype(np.float32)
    squares, ones = (near**2).sum(axis=1), np.ones(len(near), np.float32)
    left = np.column_stack([-2 * near, squares + 1, ones])  # left @ right: 1 + d² of each pair
    right = np.ascontiguousarray(np.column_stack([near, ones, squares]).T)
    moments = np.column_stack([near, ones])

    def of_rows(start: int) -> tuple[NDArray[np.float32], float]:
        similarity = left[start : start + ROWS] @ right  # ROWS, N
        np.reciprocal(similarity, out=similarity)
        total = float(similarity.sum() - np.trace(similarity[:, start:]))  # no point repels itself
        np.square(similarity, out=similarity)
        return similarity @ moments, total

    blocks, totals = zip(*parallel(of_rows, range(0, len(near), ROWS)), strict=True)
    sums = np.concatenate(blocks).astype(np.float64)  # N, 3
    return near * sums[:, 2:] - sums[:, :2], _positive(sum(totals))


class Repulsion:
    """Computes forces; keeps the kernel's spectrum from one call to the next, as the grid seldom changes."""

    def __init__(self, threads: ThreadPoolExecutor, workers: int):
        self.threads = threads
        self.workers = workers
        self._grid: tuple[int, float] | None = None
        self._spectra: tuple[NDArray[Any], NDArray[Any]]

    def __call__(self, points: NDArray[np.float64]) -> Forces:
        """Return the forces between (N, 2) points."""
        low = points.min(axis=0)
        extent = float((points.max(axis=0) - low).max())
        distance = _node_distance(extent)
        nodes = _rounded_up(int(extent / distance) + SUPPORT, 16)
        size = fft.next_fast_len(2 * nodes + MARGIN, real=True)
        if len(points) ** 2 < PAIRS_PER_NODE * size**2:
            return direct_repulsion(points, map if len(points) < LEAST_POINTS_TO_SHARE else self.threads.map)
        return self._on_grid(_spline_weights((points - low) / distance, nodes), nodes, size, distance)

    def _on_grid(self, weights: csr_matrix, nodes: int, size: int, distance: float) -> Forces:
        similarity, force = self._kernels(size, distance)
        workers = self.workers if size >= LEAST_SIZE_TO_SHARE else 1
        density = (weights.T @ np.ones(weights.shape[0])).reshape(nodes, nodes).astype(np.float32)  # nodes, nodes
        # The density fills a corner of an empty square: most of the square's rows need no transform.
        rows = fft.rfft(density, size, axis=1, workers=workers)  # nodes, size // 2 + 1
        spectrum = fft.fft(rows, size, axis=0, workers=workers)  # size, size // 2 + 1
        power = spectrum.real**2 + spectrum.imag**2
        power[:, 1 : (size + 1) // 2] *= 2  # the half that a real transform leaves out
        total = float((power * similarity).sum(dtype=np.float64)) / size**2 - weights.shape[0]

        products = fft.ifft(force * spectrum, axis=1, workers=workers, overwrite_x=True)[:, :nodes]
        field = fft.irfft(products, size, axis=2, workers=workers)[:, :, :nodes]  # 2, nodes, nodes
        return weights @ field.reshape(2, -1).T.astype(np.float64, order="C"), _positive(total)

    def _kernels(self, size: int, distance: float) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Spectra of the similarity, (size, size // 2 + 1), and of the force, (2, size, size // 2 + 1)."""
        if self._grid != (size, distance):
            offset = fft.fftfreq(size, 1 / size) * distance
            similarity = 1 / (1 + offset[:, None] ** 2 + offset**2)  # size, size
            force = np.stack([similarity**2 * offset[:, None], similarity**2 * offset])  # 2, size, size
            sampled_spline = (2 + np.cos(2 * np.pi * fft.fftfreq(size))) / 3
            prefilter = 1 / np.outer(sampled_spline, sampled_spline[: size // 2 + 1]) ** 2
            self._grid = size, distance
            self._spectra = (
                (fft.rfft2(similarity, workers=self.workers).real * prefilter).astype(np.float32),
                (fft.rfft2(force, workers=self.workers) * prefilter).astype(np.complex64),
            )
        return self._spectra


def _node_distance(extent: float) -> float:
    """NODE_DISTANCE or what gives a fit number of nodes; in quarters of an octave, so that a spectrum serves long."""
    extent = max(extent, float(np.finfo(np.float32).tiny))
    fit = min(max(NODE_DISTANCE, extent / MOST_NODES), extent / LEAST_NODES)
    return float(NODE_DISTANCE * 2 ** (np.floor(4 * np.log2(fit / NODE_DISTANCE)) / 4))


def _positive(total: float) -> float:
    """A sum of similarities, which rounding must not make zero where all points are far apart."""
    return max(total, float(np.finfo(np.float32).eps))


def _rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _spline_weights(places: NDArray[np.float64], nodes: int) -> csr_matrix:
    """What each point gives to each node, (N, nodes²): 16 nodes a point, for (N, 2) places in node distances."""
    first = places.astype(np.int32)
    along = _cubic_spline(places - first)  # N, 2, 4
    weights = along[:, 0, :, None] * along[:, 1, None, :]  # N, 4, 4
    steps = np.arange(SUPPORT, dtype=np.int32)
    indices = (first[:, :1] * nodes + first[:, 1:])[:, :, None] + (steps[:, None] * nodes + steps)  # N, 4, 4
    starts = np.arange(0, weights.size + 1, SUPPORT**2, dtype=np.int32)
    return csr_matrix((weights.ravel(), indices.ravel(), starts), shape=(len(places), nodes**2))


def _cubic_spline(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """The four values of the cubic B-spline at the nodes around places at 0 <= t < 1 between the inner two."""
    rest, square, cube = 1 - t, t * t, t * t * t
    return np.stack([rest**3, 4 - 6 * square + 3 * cube, 1 + 3 * (t + square - cube), cube], axis=-1) / 6
