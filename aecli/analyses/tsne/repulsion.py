"""The repulsion between all points of a t-SNE plane: summed over all pairs or on a grid, whichever is less work.

The grid follows FIt-SNE (Linderman et al., Nature Methods 16, 2019): spread the points to its nodes, convolve with the
kernel by FFT, and interpolate at the points; O(N + M² log M) for N points and M² nodes. It differs in three ways: cubic
B-splines interpolate, and their prefilter is free in Fourier space (Unser, IEEE Signal Processing Magazine 16, 1999);
the kernel of the force itself is convolved, which takes one forward and two inverse transforms; and the sum of all
similarities is computed from the spectrum. In single precision, the root mean square error of the forces is at most 2
to 4%, as with the grid and the tree of openTSNE.

Why not openTSNE's own: from the same affinities and start, with one thread, the descent of 5,000, 10,000 and 60,000
codes took 13, 26 and 205 s of CPU time, to a KL divergence of 1.374, 1.442 and 2.279 over all pairs. With openTSNE's
FFT it took 88, 122 and 427 s, to 1.384, 1.471 and 2.314; with its tree, for the first two, 25 and 116 s, to 1.364 and
1.448. A third more iterations reach 1.362 for 5,000 codes in 23 s. `python -m tests.benchmarks tsne-gradients` measures
this.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.sparse import csr_matrix

NODE_DISTANCE = 0.5
"""Distance of the nodes in units of the plane, in which the kernel 1 / (1 + distance²) has half width 1."""
MIN_NODES, MAX_NODES = 50, 2000
"""Limits along the longer side of the plane: a small plane gets a finer grid, a huge one a coarser grid."""
SUPPORT = 4
"""Nodes per side that a cubic B-spline covers."""
MARGIN = 16
"""Nodes after which the prefilter, which decays by 0.27 per node, is not affected by the end of the kernel."""
PAIRS_PER_NODE = 8
"""Measured number of pairs that are summed in the time of one node of the padded grid."""
BLOCK = 256
"""Rows of the matrix of pairs that are computed at once; they stay in the processor's cache."""
MIN_POINTS_FOR_THREADS = 600
MIN_SIZE_FOR_THREADS = 300
"""With fewer points or a smaller padded grid, distributing work over threads takes longer than it saves."""

Forces = tuple[NDArray[np.float64], float]
"""The force on each of N points, (N, 2), and the sum of all similarities.

The similarity of two points at distance d is q = 1 / (1 + d²). The force on point i is the sum over j of
q² (point i - point j); the caller divides it by the sum of q over all pairs of different points.
"""


def direct_repulsion(points: NDArray[np.float64], parallel: Callable[..., Iterable[Any]] = map) -> Forces:
    """Return the forces between (N, 2) points, summed over all pairs in single precision; `parallel` is a `map`."""
    near = (points - points.mean(axis=0)).astype(np.float32)
    squares, ones = (near**2).sum(axis=1), np.ones(len(near), np.float32)
    left = np.column_stack([-2 * near, squares + 1, ones])  # left @ right: 1 + d² of each pair
    right = np.ascontiguousarray(np.column_stack([near, ones, squares]).T)
    moments = np.column_stack([near, ones])

    def sum_block(start: int) -> tuple[NDArray[np.float32], float]:
        similarity = left[start : start + BLOCK] @ right  # (BLOCK, N)
        np.reciprocal(similarity, out=similarity)
        total = float(similarity.sum() - np.trace(similarity[:, start:]))  # without the points themselves
        np.square(similarity, out=similarity)
        return similarity @ moments, total

    blocks, totals = zip(*parallel(sum_block, range(0, len(near), BLOCK)), strict=True)
    sums = np.concatenate(blocks).astype(np.float64)  # (N, 3)
    return near * sums[:, 2:] - sums[:, :2], _positive(sum(totals))


class Repulsion:
    """The forces between points; the spectrum of the kernel is cached between calls, as the grid seldom changes."""

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
        nodes = _round_up(int(extent / distance) + SUPPORT, 16)
        size = fft.next_fast_len(2 * nodes + MARGIN, real=True)
        if len(points) ** 2 < PAIRS_PER_NODE * size**2:
            return direct_repulsion(points, map if len(points) < MIN_POINTS_FOR_THREADS else self.threads.map)
        return self._on_grid(_spline_weights((points - low) / distance, nodes), nodes, size, distance)

    def _on_grid(self, weights: csr_matrix, nodes: int, size: int, distance: float) -> Forces:
        similarity, force = self._kernels(size, distance)
        workers = self.workers if size >= MIN_SIZE_FOR_THREADS else 1
        density = (weights.T @ np.ones(weights.shape[0])).reshape(nodes, nodes).astype(np.float32)  # (nodes, nodes)
        # The density fills one corner of the zero-padded square, so that the other rows need no transform.
        rows = fft.rfft(density, size, axis=1, workers=workers)  # (nodes, size // 2 + 1)
        spectrum = fft.fft(rows, size, axis=0, workers=workers)  # (size, size // 2 + 1)
        power = spectrum.real**2 + spectrum.imag**2
        power[:, 1 : (size + 1) // 2] *= 2  # the half of the spectrum that a real transform omits
        total = float((power * similarity).sum(dtype=np.float64)) / size**2 - weights.shape[0]

        products = fft.ifft(force * spectrum, axis=1, workers=workers, overwrite_x=True)[:, :nodes]
        field = fft.irfft(products, size, axis=2, workers=workers)[:, :, :nodes]  # (2, nodes, nodes)
        return weights @ field.reshape(2, -1).T.astype(np.float64, order="C"), _positive(total)

    def _kernels(self, size: int, distance: float) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return the spectra of the similarity, (size, size // 2 + 1), and of the force, (2, size, size // 2 + 1)."""
        if self._grid != (size, distance):
            offset = fft.fftfreq(size, 1 / size) * distance
            similarity = 1 / (1 + offset[:, None] ** 2 + offset**2)  # (size, size)
            force = np.stack([similarity**2 * offset[:, None], similarity**2 * offset])  # (2, size, size)
            sampled_spline = (2 + np.cos(2 * np.pi * fft.fftfreq(size))) / 3
            prefilter = 1 / np.outer(sampled_spline, sampled_spline[: size // 2 + 1]) ** 2
            self._grid = size, distance
            self._spectra = (
                (fft.rfft2(similarity, workers=self.workers).real * prefilter).astype(np.float32),
                (fft.rfft2(force, workers=self.workers) * prefilter).astype(np.complex64),
            )
        return self._spectra


def _node_distance(extent: float) -> float:
    """Return NODE_DISTANCE, or what keeps the number of nodes within its limits, in steps of a quarter octave.

    The steps make the cached spectrum usable for many iterations.
    """
    extent = max(extent, float(np.finfo(np.float32).tiny))
    target = min(max(NODE_DISTANCE, extent / MAX_NODES), extent / MIN_NODES)
    return float(NODE_DISTANCE * 2 ** (np.floor(4 * np.log2(target / NODE_DISTANCE)) / 4))


def _positive(total: float) -> float:
    """Return the sum of similarities, which rounding could make 0 or negative if all points are far apart."""
    return max(total, float(np.finfo(np.float32).eps))


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _spline_weights(positions: NDArray[np.float64], nodes: int) -> csr_matrix:
    """Return the weight of each point at each node, sparse (N, nodes²), for (N, 2) positions in node distances.

    Each point has weights at 16 nodes.
    """
    first = positions.astype(np.int32)
    per_axis = _cubic_spline(positions - first)  # (N, 2, 4)
    weights = per_axis[:, 0, :, None] * per_axis[:, 1, None, :]  # (N, 4, 4)
    steps = np.arange(SUPPORT, dtype=np.int32)
    indices = (first[:, :1] * nodes + first[:, 1:])[:, :, None] + (steps[:, None] * nodes + steps)  # (N, 4, 4)
    starts = np.arange(0, weights.size + 1, SUPPORT**2, dtype=np.int32)
    return csr_matrix((weights.ravel(), indices.ravel(), starts), shape=(len(positions), nodes**2))


def _cubic_spline(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cubic B-spline at the four nodes around positions t, 0 <= t < 1, between the inner two: (..., 4)."""
    rest, square, cube = 1 - t, t * t, t * t * t
    return np.stack([rest**3, 4 - 6 * square + 3 * cube, 1 + 3 * (t + square - cube), cube], axis=-1) / 6
