"""Exact nearest neighbours, in pieces that fit the processor's cache."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from aecli.progress import Progress, silent

ROWS, COLUMNS = 512, 1024
"""Queries and points of a piece: 2 MiB of scores, which stay in the cache while they are searched."""


@dataclass(frozen=True)
class Points:
    """Points among which neighbours are searched: the nearest to q has the least `offsets - q @ points`."""

    points: NDArray[np.float32]
    """(N, D)"""
    offsets: NDArray[np.float32]
    """(N,)"""

    def take(self, rows: NDArray[np.int64]) -> "Points":
        return Points(self.points[rows], self.offsets[rows])


def euclidean(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[Points, NDArray[np.float32]]:
    """Return (N, D) points and (M, D) queries for Euclidean distance: |p - q|^2 / 2 less what is the same for all p.

    They are centred, which changes no distance and keeps rounding small.
    """
    centre = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    points = train - centre
    return Points(points, np.einsum("nd,nd->n", points, points) / 2), test - centre


def cosine(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[Points, NDArray[np.float32]]:
    """Return (N, D) points and (M, D) queries for cosine distance; a zero vector is at distance 1 from all."""
    return Points(_normed(train), np.zeros(len(train), np.float32)), _normed(test)


def _normed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.where(norms > 0, norms, 1)).astype(np.float32, copy=False)


def nearest(
    points: Points, queries: NDArray[np.float32], neighbours: int, progress: Progress = silent, stage: str = ""
) -> NDArray[np.int64]:
    """Return the (M, neighbours) rows of the points nearest to each of the (M, D) queries, nearest first.

    Exact up to the rounding of float32. Beside the arguments it takes some MiB for each processor.
    """
    rows = max(ROWS, ROWS * COLUMNS // len(points.points))
    found = np.empty((len(queries), neighbours), np.int64)
    pieces = range(0, len(queries), rows)

    def search(start: int) -> None:
        found[start : start + rows] = _search(points, queries[start : start + rows], neighbours)

    in_threads(search, pieces, lambda done: progress(stage, min(done * rows, len(queries)), len(queries)))
    return found


def _search(points: Points, queries: NDArray[np.float32], neighbours: int) -> NDArray[np.int64]:
    best = np.full((len(queries), neighbours), np.inf, np.float32)
    found = np.zeros((len(queries), neighbours), np.int64)
    buffer = np.empty((len(queries), min(COLUMNS, len(points.points))), np.float32)
    for start in range(0, len(points.points), COLUMNS):
        block = points.points[start : start + COLUMNS]
        scores = buffer[:, : len(block)]
        np.matmul(queries, block.T, out=scores)
        np.subtract(points.offsets[start : start + COLUMNS], scores, out=scores)
        better = np.flatnonzero(scores.min(axis=1) < best[:, -1])  # after the first blocks these are few
        joined = np.concatenate([best[better], scores[better]], axis=1)
        numbers = np.concatenate(
            [found[better], np.broadcast_to(np.arange(start, start + len(block)), (len(better), len(block)))], axis=1
        )
        nearest_first = _least(joined, neighbours)
        best[better] = np.take_along_axis(joined, nearest_first, axis=1)
        found[better] = np.take_along_axis(numbers, nearest_first, axis=1)
    return found


def _least(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    if count == 1:
        return scores.argmin(axis=1, keepdims=True)
    picked = np.argpartition(scores, count - 1, axis=1)[:, :count]
    order = np.take_along_axis(scores, picked, axis=1).argsort(axis=1, kind="stable")
    nearest_first: NDArray[np.int64] = np.take_along_axis(picked, order, axis=1)
    return nearest_first


def in_threads(function: Callable[[int], None], pieces: range, done: Callable[[int], None]) -> None:
    """Call `function` with each of the pieces, a thread for each processor, and tell `done` how many are done.

    Each thread computes products alone: two threads that each search their own product leave no processor waiting.
    """
    if len(pieces) == 1:
        function(pieces[0])
        done(1)
        return
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(_processors()) as pool:
        for number, _ in enumerate(pool.map(function, pieces), 1):
            done(number)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
