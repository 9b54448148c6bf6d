"""Pieces of work in as many threads as there are processors."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_limits


def in_threads(
    function: Callable[[int], None], pieces: Sequence[int], told: Callable[[int], None] = lambda done: None
) -> None:
    """Call `function` with each of the pieces, a thread for each processor, and tell how many are done.

    BLAS has one thread within each: threads of small products wait for one another longer than they work.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_processors()) as pool:
        try:
            for number, _ in enumerate(pool.map(function, pieces), 1):
                told(number)
        finally:
            pool.shutdown(cancel_futures=True)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
