"""Pieces of work in as many threads as there are processors."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 32
AHEAD = 4
"""Pieces under way per thread: enough to keep all busy, few enough for memory and for a quick end."""


def map_ordered(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the items' order, computed in as many threads as there are CPUs.

    The first exception ends it; what has not begun by then is not done.
    """
    threads = min(usable_cpus(), MAX_THREADS)
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="aecli")
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # No waiting: a generator that was given up may be collected in one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)


def parallel_for(
    function: Callable[[int], None], pieces: Sequence[int], told: Callable[[int], None] = lambda done: None
) -> None:
    """Call `function` with each of the pieces, a thread for each processor, and tell how many are done.

    BLAS has one thread within each: threads of small products wait for one another longer than they work.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(usable_cpus()) as pool:
        try:
            for number, _ in enumerate(pool.map(function, pieces), 1):
                told(number)
        finally:
            pool.shutdown(cancel_futures=True)


def usable_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
